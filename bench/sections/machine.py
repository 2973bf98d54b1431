# SPDX-License-Identifier: Apache-2.0
"""What brink takes on the machine at hand (bench/native.sh)."""
import statistics

from .layout import over, ratios, spread, table, where
from .operations import NAMES

STARTUP_BOUND_MS = 500
WATCH_BOUND = 4  # empty round trips
CROSSING_BOUND_US = 60
RARE_BOUND = 1.5  # bare wake-ups over two hops
EVENTS_BOUND = 100_000


def startup_ms(lines):
    return next(line["with"] for line in lines if line["case"] == "startup")


def startup_excess(lines):
    every = startup_ms(lines)
    return over(statistics.median(every), min(every), STARTUP_BOUND_MS, " ms")


def monitor_rows(lines):
    """What a program pays that watches through brinkd: what, the figure, the bound, and whether it is missed. A ratio is that
    of two figures of one run."""
    runs = [line for line in lines if line["case"] == "monitor"]
    if not runs:
        return

    def times(what, of):
        return [run[what] / run[of] for run in runs]

    def row(what, values, bound, digits=0, unit=""):
        missed = bound is not None and statistics.median(values) > bound
        return what, spread(values, digits) + unit, "–" if bound is None else f"{bound}{unit}", missed

    yield row("brink_watch through brinkd, in empty round trips", times("watch_us", "round_trip_us"), WATCH_BOUND, 1)
    yield row("an empty round trip", [run["round_trip_us"] for run in runs], None, 0, " µs")
    yield row("one of 128 in a write", [run["batch_watch_us"] for run in runs], None, 0, " µs")
    yield row("from a crossing to poll(2) returning in the client, 1000 a second", [run["crossing_us"] for run in runs], CROSSING_BOUND_US,
              0, " µs")
    yield row("the same ten times a second, in bare wake-ups over two hops", times("rare_crossing_us", "two_hops_us"), RARE_BOUND, 1)
    yield row("a bare wake-up over two hops", [run["two_hops_us"] for run in runs], None, 0, " µs")
    events = [run["events_per_s"] for run in runs]
    yield ("events a second to one client without a loss", spread(events), f"{EVENTS_BOUND}", statistics.median(events) < EVENTS_BOUND)


def misses(lines):
    if startup_excess(lines):
        yield "this machine", "startup", startup_excess(lines)
    for what, figure, bound, missed in monitor_rows(lines):
        if missed:
            yield "this machine", what, f"{figure}, the bound is {bound}"


def section(setup, lines):
    attached = {line["loop"]: ratios(line["without"], line["with"]) for line in lines if line["case"] == "attached"}
    alternations = min(len(line["with"]) for line in lines if line["case"] == "attached")
    startup = f"{spread(startup_ms(lines))} ms, {len(startup_ms(lines))} starts"
    if startup_excess(lines):
        startup += f" **{startup_excess(lines)}**"
    rows = [["from start to watching", startup, f"{STARTUP_BOUND_MS} ms"]]
    for loop, name in NAMES.items():
        if loop in attached:
            figure = attached[loop]
            rows.append([f"what others pay: {name}", f"{figure['ratio']:.2f} ({figure['min']:.2f}–{figure['max']:.2f}) "
                                                     f"{figure['added']:+.0f} ns", "–"])
    rows += [[what, f"**{figure}**" if missed else figure, bound] for what, figure, bound, missed in monitor_rows(lines)]
    return (f"\n## On a machine: the engine `{setup['engine']}`\n\n{where(setup)}. The engine is the one that brink picked. "
            "These are times, and another machine has others. What the engine costs others is measured in a process that is "
            f"not watched: the median of {alternations} alternations, the smallest and the largest.\n\n" +
            table(["", "", "bound"], rows))
