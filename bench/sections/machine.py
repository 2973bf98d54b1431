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
    """What a program pays that watches through brinkd: what, the figure, the bound, and whether it is missed."""
    of = next((line for line in lines if line["case"] == "monitor"), None)
    if not of:
        return
    watch, rare = of["watch_us"] / of["round_trip_us"], of["rare_crossing_us"] / of["two_hops_us"]
    yield ("brink_watch through brinkd, in empty round trips", f"{watch:.1f} ({of['watch_us']:.0f} of {of['round_trip_us']:.0f} µs)",
           f"{WATCH_BOUND}", watch > WATCH_BOUND)
    yield "one of 128 in a write", f"{of['batch_watch_us']:.0f} µs", "–", False
    yield ("from a crossing to poll(2) returning in the client, 1000 a second", f"{of['crossing_us']:.0f} µs",
           f"{CROSSING_BOUND_US} µs", of["crossing_us"] > CROSSING_BOUND_US)
    yield ("the same ten times a second, in bare wake-ups over two hops",
           f"{rare:.1f} ({of['rare_crossing_us']:.0f} of {of['two_hops_us']:.0f} µs)", f"{RARE_BOUND}", rare > RARE_BOUND)
    yield ("events a second to one client without a loss", f"{of['events_per_s']}", f"{EVENTS_BOUND}",
           of["events_per_s"] < EVENTS_BOUND)


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
