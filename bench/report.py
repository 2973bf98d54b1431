#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/benchmarks.json and docs/benchmarks.md from what bench/cost.sh and bench/native.sh left
in build/bench. A kernel that was not measured again keeps its figures from there. Prints which bounds
are missed.

usage: report.py
"""
import json
import re
import statistics
import sys
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
FIGURES = TREE / "build" / "bench"
DOCS = TREE / "docs"

OPEN, FORK, NULL = "open_close", "fork_exit", "null_syscall"
MMAP, BRK, FAULT, THREAD = "mmap_munmap", "brk_pair", "page_fault", "thread_join"
WAKE = "wakeup_pair"
NAMES = {OPEN: "open + close", FORK: "fork + exit", NULL: "empty system call",
         MMAP: "mmap + munmap of 16 pages", BRK: "brk up and down by 16 pages",
         FAULT: "first write to a page", THREAD: "thread created and joined", WAKE: "two wake-ups: a byte to a thread, one back"}

# Topic, and its rows: what the row is called, the loop, the case, the case that it is compared with
# (None: the same one without brink), the bound of the ratio.
TOPICS = [
    ("Open and close", "One open and close of a file on tmpfs. The limit is 100 000 unless said.", [
        ("watched, `:up`", OPEN, "up", None, 1.045),
        ("watched, both directions", OPEN, "both", None, 1.085),
        ("both directions, 10 descriptors open, one to two below a level", OPEN, "hover_10", None, 1.09),
        ("both directions, 10 000 descriptors open, one to two below a level", OPEN, "hover_10000", None,
         1.09),
        ("the same with 1000 descriptors open and a limit of 1100: refusals are watched for as well", OPEN,
         "hover_limit", None, 1.09),
        ("not watched, while another process is, `:up`", OPEN, "other_up", None, 1.04),
        ("not watched, while another process is, both directions", OPEN, "other_both", None, 1.075),
    ]),
    ("Other system calls", "While a level is watched in both directions. Children of a watched process "
     "are watched as well.", [
         ("fork + exit, the forking process watched", FORK, "both", None, 1.01),
         ("fork + exit, another process watched", FORK, "other_both", None, 1.01),
         ("empty system call, watched", NULL, "both", None, 1.00),
     ]),
    ("Memory and threads", "While `as` of 100 GiB is watched in both directions (`data`, `stack`, `memlock` and "
     "`maps` have the same hook), or 1000 `threads`.", [
         (f"{NAMES[MMAP]}, watched", MMAP, "memory", None, 1.04),
         (f"{NAMES[BRK]}, watched", BRK, "memory", None, 1.055),
         (f"{NAMES[FAULT]}, watched", FAULT, "memory", None, 1.05),
         (f"{NAMES[THREAD]}, watched", THREAD, "threads", None, 1.03),
         (f"{NAMES[MMAP]}, another process watched", MMAP, "other_memory", None, 1.04),
         (f"{NAMES[BRK]}, another process watched", BRK, "other_memory", None, 1.055),
         (f"{NAMES[FAULT]}, another process watched", FAULT, "other_memory", None, 1.05),
         (f"{NAMES[THREAD]}, another process watched", THREAD, "other_threads", None, 1.03),
     ]),
    ("Wake-ups", "While `wakeup_latency` of one second is watched. Each iteration is two wake-ups with two switches.", [
        (f"{NAMES[WAKE]}, watched", WAKE, "wakeups", None, None),
        (f"{NAMES[WAKE]}, another process watched", WAKE, "other_wakeups", None, None),
    ]),
    ("Nothing watched", "After brink has been started and ended many times, against before it ever ran: "
     "what it attached is gone.", [
         (NAMES[OPEN], OPEN, "after", "before", 1.00),
         (NAMES[NULL], NULL, "after", "before", 1.00),
         (NAMES[MMAP], MMAP, "after", "before", 1.00),
     ]),
    ("Linux audit, for comparison", "With one rule, `-a always,exit -F arch=b64 -S open,openat -F "
     "exit=-EMFILE`: the refusals that brink reports, and nothing of what comes before them. Against the "
     "same guest before audit was enabled.", [
         (NAMES[OPEN], OPEN, "audit", "after", None),
         (NAMES[FORK], FORK, "audit", "after", None),
         (NAMES[NULL], NULL, "audit", "after", None),
         (NAMES[MMAP], MMAP, "audit", "after", None),
         ("its rules deleted and itself disabled: open + close", OPEN, "audit_off", "after", None),
         ("its rules deleted and itself disabled: empty system call", NULL, "audit_off", "after", None),
     ]),
]

HOW = """Every figure is the ratio to the same loop without brink: the median of {alternations} alternations
(without, with, without, with, …), with the smallest and the largest beside it, then what one iteration
takes more, in instructions. A ratio above its bound is marked; *within the spread* means that the smallest
one is not above it.

They are instructions, not times. Each kernel runs in a guest without KVM in which one instruction takes one
nanosecond (qemu, `-icount shift=0`), so its clock counts them; each single figure is the median of three
runs of a loop. They do not depend on the machine and hardly change from run to run. They know nothing of
caches, branch prediction or waiting between processors: what an operation costs in time on real hardware is
another ratio. Interrupts are counted where they fall, which makes the third digit uncertain.
"""


def natural(text):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def read(path):
    """Setup, and the other lines."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return lines[0], lines[1:]


def comparison(without, with_):
    """Of pairs that were measured one after the other."""
    ratios = [b / a for a, b in zip(without, with_, strict=True)]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "min": round(min(ratios), 3),
        "max": round(max(ratios), 3),
        "added": round(statistics.median(b - a for a, b in zip(without, with_))),
        "without": without,
        "with": with_,
    }


def guest_figures(kernel, lines):
    series = {(line["case"], line["loop"]): line for line in lines}
    for topic, _, rows in TOPICS:
        for name, loop, case, base, bound in rows:
            if (case, loop) not in series:
                sys.exit(f"report.py: kernel {kernel} was measured without case {case}: measure it again, "
                         f"or delete {FIGURES / kernel}.jsonl")
            line = series[case, loop]
            pair = (series[base, loop]["without"], line["without"]) if base else (
                line["without"], line["with"])
            yield {"kernel": kernel, "topic": topic, "row": name, "bound": bound, **comparison(*pair)}


def native_figures(lines):
    series = {(line["case"], line.get("loop")): line for line in lines}
    startup = series["startup", "startup_ms"]["with"]
    idle = series["idle", None]
    figures = {"startup_ms": round(statistics.median(startup), 1), "startup_all_ms": startup,
               "idle_context_switches": idle["switches"], "idle_processes": idle["processes"],
               "idle_seconds": idle["seconds"], "map_bytes": idle["map_bytes"]}
    for loop in (OPEN, NULL):
        line = series["attached", loop]
        figures[loop] = comparison(line["without"], line["with"])
    return figures


def excess(figure):
    """What is to be said where the bound is missed, else nothing."""
    if figure["bound"] is None or figure["ratio"] <= figure["bound"]:
        return ""
    within = ", within the spread" if figure["min"] <= figure["bound"] else ""
    return f"over by {figure['ratio'] - figure['bound']:.3f}{within}"


def cell(figure):
    text = f"{figure['ratio']:.3f} ({figure['min']:.3f}–{figure['max']:.3f}) {figure['added']:+.0f}"
    return f"{text} **{excess(figure)}**" if excess(figure) else text


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def guest_section(setups, figures):
    kernels = list(setups)
    alternations = min(len(figure["with"]) for figure in figures)
    at = {(figure["kernel"], figure["topic"], figure["row"]): figure for figure in figures}
    text = "## In guests: the engine `kernel`\n\n" + HOW.format(alternations=alternations)
    for topic, about, rows in TOPICS:
        text += f"\n### {topic}\n\n{about}\n\n"
        text += table([""] + kernels + ["bound"], [
            [row[0]] + [cell(at[kernel, topic, row[0]]) for kernel in kernels] +
            [f"{row[4]:.3f}" if row[4] else "–"] for row in rows])
    text += "\n### What was measured\n\n"
    fields = [("kernel (Debian)", "version"), ("qemu", "qemu"), ("auditctl (Debian)", "auditd"),
              ("brink", "brink"), ("on", "date")]
    return text + table([""] + kernels, [
        [name] + [setups[kernel][field] for kernel in kernels] for name, field in fields])


def native_misses(figures):
    if figures["startup_ms"] > 500:
        yield "startup", f"over by {figures['startup_ms'] - 500:.0f} ms"
    if figures["idle_context_switches"]:
        yield "idle", f"over by {figures['idle_context_switches']}"


def native_section(setup, figures):
    missed = dict(native_misses(figures))

    def attached(loop):
        figure = figures[loop]
        return (f"{figure['ratio']:.2f} ({figure['min']:.2f}–{figure['max']:.2f}) "
                f"{figure['added']:+.0f} ns")

    def marked(text, row):
        return f"{text} **{missed[row]}**" if row in missed else text

    every = figures["startup_all_ms"]
    return (
        f"\n## On a machine: the engine `{setup['engine']}`\n\n"
        f"Linux {setup['version']}, {setup['processor']}, brink {setup['brink']}, {setup['date']}. The "
        "engine is the one that brink picked. These are times, and another machine has others. What the "
        f"engine costs others is measured in a process that is not watched: the median of "
        f"{len(figures[OPEN]['with'])} alternations, the smallest and the largest.\n\n" +
        table(["", "", "bound"], [
            ["from start to watching", marked(
                f"{figures['startup_ms']:.0f} ms ({min(every):.0f}–{max(every):.0f}; {len(every)} starts)",
                "startup"), "500 ms"],
            [f"context switches of brink in {figures['idle_seconds']} s, with "
             f"{figures['idle_processes']} idle processes watched",
             marked(str(figures["idle_context_switches"]), "idle"), "0"],
            ["kernel memory of its maps meanwhile", f"{figures['map_bytes'] / 2**20:.1f} MiB", "–"],
            ["what others pay: open + close", attached(OPEN), "–"],
            ["what others pay: empty system call", attached(NULL), "–"],
        ]))


# Rows of the table of looks that have a bound, and at how many processes.
LOOK_BOUNDS = {"brink limits, open files": (10000, 60), "brink limits, all resources of processes but maps": (10000, 350)}


def look_misses(lines):
    for line in lines:
        at, bound = LOOK_BOUNDS.get(line["who"], (0, 0))
        if line["processes"] == at and statistics.median(line["ms"]) > bound:
            within = ", within the spread" if min(line["ms"]) <= bound else ""
            yield line["who"], f"over by {statistics.median(line['ms']) - bound:.0f} ms{within}"


def look_section(setup, lines):
    counts = sorted({line["processes"] for line in lines})
    missed = dict(look_misses(lines))
    rows = []
    for row in sorted({line["row"] for line in lines}):
        at = {line["processes"]: line for line in lines if line["row"] == row}
        who = next(iter(at.values()))["who"]
        cells = [f"{statistics.median(at[count]['ms']):.0f} ({min(at[count]['ms']):.0f}–{max(at[count]['ms']):.0f})"
                 if count in at else "does not run" for count in counts]
        if who in missed:
            cells[-1] += f" **{missed[who]}**"
        rows.append([who] + cells + [str(LOOK_BOUNDS[who][1]) if who in LOOK_BOUNDS else "–"])
    return (
        "\n## One look at every process\n\n"
        "CPU time in ms of one look at so many idle processes: the program that looks once and ends, start and end "
        "included, or one cycle of a daemon. In turns, the daemons stopped meanwhile; the median of "
        f"{min(len(line['ms']) for line in lines)} rounds, the smallest and the largest. Linux {setup['version']}, "
        f"{setup['processor']}, brink {setup['brink']}, {setup['date']}; {', '.join(setup['peers'])}. The engine is "
        "`poll` (/proc) where the task iterator is not named.\n\n" +
        table([""] + [f"{count} processes" for count in counts] + ["bound"], rows))


def write_json(setups, figures, native, look):
    def objects(items):
        return "[\n" + ",\n".join("  " + json.dumps(item) for item in items) + "\n ]"
    (DOCS / "benchmarks.json").write_text(
        '{\n "written_by": "./dev bench, and not by hand",\n'
        f' "guests": {objects(setups.values())},\n'
        f' "figures": {objects(figures)},\n'
        f' "native": {json.dumps(native)},\n'
        f' "look": {objects(look)}\n}}\n')


def main():
    setups, figures, native, look = {}, [], None, []
    text = ("<!-- Written by ./dev bench, and not by hand. -->\n# Benchmarks\n\n"
            "This page is written by `./dev bench`, and not by hand; "
            "[benchmarks.json](benchmarks.json) has every single figure.\n\n")
    for path in sorted(FIGURES.glob("*.jsonl"), key=lambda path: natural(path.stem)):
        setup, lines = read(path)
        if path.stem == "native":
            native = {**setup, **native_figures(lines)}
        elif path.stem == "look":
            look = [setup, *lines]
        else:
            setups[path.stem] = {"kernel": path.stem, **setup}
            figures += guest_figures(path.stem, lines)
    missed = [(figure["kernel"], figure["row"], excess(figure)) for figure in figures if excess(figure)]
    if figures:
        text += guest_section(setups, figures)
    if native:
        text += native_section(native, native)
        missed += [("this machine", row, what) for row, what in native_misses(native)]
    if look:
        text += look_section(look[0], look[1:])
        missed += [("this machine", row, what) for row, what in look_misses(look[1:])]
    if not figures and not native and not look:
        sys.exit(f"report.py: there are no figures in {FIGURES}")
    write_json(setups, figures, native, look)
    (DOCS / "benchmarks.md").write_text(text)
    for where, row, what in missed:
        print(f"{where}: {row}: {what}")
    print(f"{len(missed)} bounds missed; docs/benchmarks.md has all figures")


if __name__ == "__main__":
    main()
