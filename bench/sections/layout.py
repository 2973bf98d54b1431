# SPDX-License-Identifier: Apache-2.0
"""Tables and figures as the page writes them. A figure is a median with the smallest and the largest beside it."""
import statistics


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def spread(values, digits=0):
    """`3 (2–5)`; of a single value only itself."""
    middle = f"{statistics.median(values):.{digits}f}"
    return f"{middle} ({min(values):.{digits}f}–{max(values):.{digits}f})" if len(values) > 1 else middle


def where(setup):
    """The machine and the versions, as a clause."""
    processors = f"{setup['processors']} × " if "processors" in setup else ""
    return f"Linux {setup['version']}, {processors}{setup['processor']}, brink {setup['brink']}, {setup['date']}"


def over(median, smallest, bound, unit=""):
    """What is to be said where a bound is missed, else nothing."""
    if bound is None or median <= bound:
        return ""
    within = ", within the spread" if smallest <= bound else ""
    return f"over by {median - bound:.0f}{unit}{within}"


def ratios(without, with_):
    """Of pairs that were measured one after the other."""
    every = [b / a for a, b in zip(without, with_, strict=True)]
    return {"ratio": round(statistics.median(every), 3), "min": round(min(every), 3), "max": round(max(every), 3),
            "added": round(statistics.median(b - a for a, b in zip(without, with_)))}
