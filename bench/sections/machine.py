# SPDX-License-Identifier: Apache-2.0
"""What brink takes on the machine at hand (bench/native.sh)."""
import statistics

from .layout import over, ratios, spread, table, where
from .operations import NAMES

STARTUP_BOUND_MS = 500


def startup_ms(lines):
    return next(line["with"] for line in lines if line["case"] == "startup")


def startup_excess(lines):
    every = startup_ms(lines)
    return over(statistics.median(every), min(every), STARTUP_BOUND_MS, " ms")


def misses(lines):
    if startup_excess(lines):
        yield "this machine", "startup", startup_excess(lines)


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
    return (f"\n## On a machine: the engine `{setup['engine']}`\n\n{where(setup)}. The engine is the one that brink picked. "
            "These are times, and another machine has others. What the engine costs others is measured in a process that is "
            f"not watched: the median of {alternations} alternations, the smallest and the largest.\n\n" +
            table(["", "", "bound"], rows))
