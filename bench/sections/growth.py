# SPDX-License-Identifier: Apache-2.0
"""Whether more costs more (bench/cost.sh --growth), and how much at once is passed on (bench/rate.py)."""
from .layout import ratios, spread, table, where
from .plot import lines as line_plot

BOUND = 1.02
CASES = [("processes", "watched processes"), ("levels", "levels of the process")]


def series_of(lines, case):
    """By number: the ratio of one open + close with brink and without, and the same against the smallest number."""
    of = {line["number"]: ratios(line["without"], line["with"]) for line in lines if line["case"] == case}
    first = of[min(of)]["ratio"] if of else 1
    return {number: {**figure, "growth": round(figure["ratio"] / first, 3)} for number, figure in sorted(of.items())}


def excess(figure):
    return f"over by {figure['growth'] - BOUND:.3f}" if figure["growth"] > BOUND else ""


def misses(kernels):
    for kernel, (_, lines) in kernels.items():
        for case, name in CASES:
            for number, figure in series_of(lines, case).items():
                if excess(figure):
                    yield f"kernel {kernel}", f"{number} {name}", excess(figure)


def cell(figure):
    if figure is None:
        return "–"
    text = f"{figure['growth']:.3f}; {figure['ratio']:.3f} ({figure['min']:.3f}–{figure['max']:.3f}) {figure['added']:+.0f}"
    return f"{text} **{excess(figure)}**" if excess(figure) else text


def section(kernels):
    text = ("\n## Whether more costs more\n\nOne open and close on tmpfs in guests, both directions, in instructions: how much more it "
            "costs than with the smallest number (bound 1.020), then its ratio to the same without brink, and what it takes more.\n")
    text += "\n![instructions, by watched processes](benchmarks/growth.svg)\n"
    for case, name in CASES:
        of = {kernel: series_of(lines, case) for kernel, (_, lines) in kernels.items()}
        numbers = sorted({number for series in of.values() for number in series})
        text += "\n" + table([name] + list(of), [[str(number)] + [cell(series.get(number)) for series in of.values()]
                                                 for number in numbers])
    memory = {(kernel, line["number"]): line for kernel, (_, lines) in kernels.items() for line in lines if line["case"] == "memory"}
    if memory:
        text += "\nWhat the engine `kernel` takes itself, with so many idle processes watched: PSS and kernel memory of its maps, MiB.\n\n"
        text += table(["watched processes"] + list(kernels), [
            [str(number)] + [f"{line['pss_kib'] / 1024:.1f} + {line['map_bytes'] / 2**20:.1f}" if (line := memory.get((kernel, number)))
                             else "–" for kernel in kernels] for number in sorted({number for _, number in memory})])
    return text


def plots(kernels):
    series = [(f"kernel {kernel}", [(number, figure["added"]) for number, figure in series_of(lines, "processes").items()])
              for kernel, (_, lines) in kernels.items()]
    if any(points for _, points in series):
        yield "growth.svg", line_plot("What an open + close takes more, as more processes are watched", series, "watched processes",
                                      "instructions", 10)


def reached(run):
    return run["received"] / run["span_ns"] * 1e9 if run["span_ns"] else 0


def counted_right(run):
    """Every crossing is in the output or in `lost`, and the numbers of the records leave out as many. The record of the
    exit can be lost as well."""
    return run["received"] + run["lost"] in (run["made"], run["made"] + 1) and run["gaps"] == run["lost"]


def rate_misses(lines):
    for line in lines:
        if not all(map(counted_right, line["runs"])):
            yield "this machine", f"{line['rate']} events a second", "loss is not counted right"
        if line["rate"] and line["rate"] <= 200_000 and any(run["lost"] for run in line["runs"]):
            yield "this machine", f"{line['rate']} events a second", "events were lost"


def rate_section(setup, lines):
    rows = [[str(line["rate"]) if line["rate"] else "as fast as it can", spread([reached(run) for run in line["runs"]]),
             spread([100 * run["lost"] / run["made"] for run in line["runs"]], 1) + " %",
             "yes" if all(map(counted_right, line["runs"])) else "**no**"] for line in lines]
    return ("\n## How much at once\n\nOne process crosses a level, up and down in turn; brink writes each event as a line of JSON to a "
            f"file. The median of {min(len(line['runs']) for line in lines)} runs. What does not fit the buffer between the kernel and "
            "brink is dropped and counted: *accounted for* says that every crossing is either an event or in `lost`, and that the "
            f"events' numbers leave out as many. {where(setup)}.\n\n" +
            table(["crossings a second", "events a second that came out", "lost", "accounted for"], rows))
