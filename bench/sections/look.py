# SPDX-License-Identifier: Apache-2.0
"""What one look at every process costs (bench/look.py)."""
import statistics

from .layout import over, spread, table, where

# Rows that have a bound: at how many processes, and what.
BOUNDS = {"brink limits, open files": (10000, 60), "brink limits, all resources of processes but maps": (10000, 350)}


def excess(line):
    at, bound = BOUNDS.get(line["who"], (0, None))
    return over(statistics.median(line["ms"]), min(line["ms"]), bound, " ms") if line["processes"] == at else ""


def misses(lines):
    for line in lines:
        if excess(line):
            yield "this machine", line["who"], excess(line)


def cell(line):
    if line is None:
        return "does not run"
    return spread(line["ms"]) + (f" **{excess(line)}**" if excess(line) else "")


def section(setup, lines):
    counts = sorted({line["processes"] for line in lines})
    rows = []
    for row in sorted({line["row"] for line in lines}):
        at = {line["processes"]: line for line in lines if line["row"] == row}
        who = next(iter(at.values()))["who"]
        rows.append([who] + [cell(at.get(count)) for count in counts] + [str(BOUNDS[who][1]) if who in BOUNDS else "–"])
    return ("\n## One look at every process\n\n"
            "CPU time in ms of one look at so many idle processes: the program that looks once and ends, start and end "
            "included, or one cycle of a daemon. In turns, the daemons stopped meanwhile; the median of "
            f"{min(len(line['ms']) for line in lines)} rounds, the smallest and the largest. {where(setup)}; "
            f"{', '.join(setup['peers'])}. The engine is `poll` (/proc) where the task iterator is not named.\n\n" +
            table([""] + [f"{count} processes" for count in counts] + ["bound"], rows) +
            "\nWhere brink does not win: *everything* is 37 resources with their limits, of users, cgroups, sockets and file systems as "
            "well; its peers read a few counts of a process, and no limit but that of open files.\n")
