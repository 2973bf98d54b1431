# SPDX-License-Identifier: Apache-2.0
"""Who sees excursions, and how late (bench/catch.py)."""
from .layout import table, where
from .plot import bars

# The phases, in the order in which they are shown, and how long each excursion is in seconds.
PHASES = {"250 ms": 0.25, "1 ms": 0.001, "three opens, three closes": 0.0, "up to the limit, and refused": 0.001}
LEVELS = [phase for phase in PHASES if "refused" not in phase]

HOW = """A program goes over 80 % of its limit of open files ({counts} times each): for 250 ms, for 1 ms, and by three opens that
are followed at once by three closes, with pauses of varying length. *Seen* is how many of these were followed by an
alarm before the next one; *late* is from just before the open that crossed to the moment at which the alarm's program ran:
the median, and from the smallest to the largest. At their default intervals the peers ran at the same time; at its
fastest each had the program for itself. Where an interval is long, no run is long enough to say more than that nothing was seen;
by arithmetic a peer that looks every T seconds sees excursions of t seconds with a chance of t/T. "To a reader" means
that the alarm's program runs already and reads brink's events; without it brink starts the program for each event, through
`/bin/sh`. Prometheus' alerts are taken in the place of an Alertmanager.
"""

REASONS = """Where brink does not win: its engine `poll` looks at intervals as its peers do, and misses what lies between two looks; it
is there for who has no privileges. With `exec:` most of what it is late is the start of a shell and of the program: the rows "to a
reader" have what is left. A peer that looks every 100 ms sees every excursion of 250 ms; what that costs is below.
"""


def shown(line):
    late = line["late_ms"]
    if line["seen"] == 0:
        return f"0 of {line['excursions']}"
    return (f"{100 * line['seen'] / line['excursions']:.1f} % ({line['seen']} of {line['excursions']}), "
            f"{late['median']:.2f} ms ({late['min']:.2f}–{late['max']:.2f})" +
            (f", {line['false_alarms']} false" if line["false_alarms"] else ""))


def expected(interval_s, phase):
    """By arithmetic, of one who looks at intervals."""
    return f"{100 * min(1, PHASES[phase] / interval_s):.3g} %" if interval_s else "–"


def contenders(lines):
    """By who and interval, brink first, the lines by phase."""
    found = {}
    for line in sorted(lines, key=lambda line: (not line["who"].startswith("brink"), line["who"])):
        found.setdefault((line["who"], line["interval"]), {})[line["phase"]] = line
    return found


def levels_table(lines):
    rows = [[who, interval, *(shown(of[phase]) if phase in of else "–" for phase in LEVELS),
             expected(next(iter(of.values()))["interval_s"], "250 ms")]
            for (who, interval), of in contenders(lines).items()]
    return table(["", "interval", *LEVELS, "250 ms, by arithmetic"], rows)


def refusals_table(lines):
    rows = [[who, *(shown(of[phase]) if phase in of else "–" for phase in PHASES)] for (who, _), of in contenders(lines).items()]
    return table(["", *PHASES], rows)


def section(setup, lines):
    here = [line for line in lines if "guest" not in line]
    there = [line for line in lines if "guest" in line]
    counts = " and ".join(sorted({str(line["excursions"]) for line in lines}, key=int))
    text = f"## What is caught\n\n{HOW.format(counts=counts)}\n"
    if here:
        text += f"![who sees what](benchmarks/catch.svg)\n\n{where(setup)}; {', '.join(setup['peers'])}.\n\n" + levels_table(here)
    if there:
        text += (f"\nIn a guest with Linux {there[0]['guest']}, emulated and therefore slow: brink's engine `kernel`, and auditd and "
                 "bpftrace, which speak of refused opens (`EMFILE`) and not of levels. In the last column the program goes on "
                 "to its limit and is refused; there brink's `refusals`, auditd and bpftrace are late from the refusal on, by "
                 "when the program had already failed.\n\n" + refusals_table(there))
    return text + "\n" + REASONS


def plots(lines):
    """File names below docs/benchmarks, and what is in them."""
    rows = []
    for (who, interval), of in contenders(line for line in lines if "guest" not in line).items():
        cells = []
        for phase in LEVELS:
            line = of.get(phase)
            share = line["seen"] / line["excursions"] if line else None
            late = f", {line['late_ms']['median']:.1f} ms" if line and line["late_ms"] else ""
            cells.append((share, f"{100 * share:.0f} %{late}" if line else "–"))
        rows.append((f"{who.replace('`', '')} ({interval})" if interval != "none" else who.replace("`", ""), who.startswith("brink"),
                     cells))
    if rows:
        yield "catch.svg", bars("Excursions over 80 % of the limit that were seen, and how late", rows, LEVELS)
