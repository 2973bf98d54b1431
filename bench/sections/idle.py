# SPDX-License-Identifier: Apache-2.0
"""What watching costs while nothing happens (bench/idle.py)."""
import statistics

from .layout import over, spread, table, where
from .plot import lines as line_plot

HOW = """So many idle processes are watched, and none does anything. CPU time and wake-ups are those of all of a peer's processes and
per minute (one that a peer starts and that ends meanwhile is in its CPU time, and not in its wake-ups); memory is at the
end of a round. The median of the rounds, the smallest and the largest; a round is {seconds:g} s, or one interval where that is
longer, and then the only one. ¹: adds all processes of a name up, and does not tell one from another.
"""
REASONS = """
Where brink does not win: memory, with many processes. It keeps the state of each in maps of the kernel and once more in itself, so
that a crossing needs no look at /proc; who adds up the processes of a name keeps none of it. Its engine `poll` looks at
intervals, as the peers do.
"""
COLUMNS = [("CPU s a minute", "cpu_s", 2), ("wake-ups a minute", "wake_ups", 0), ("PSS MiB", "pss_mib", 1), ("RSS MiB", "rss_mib", 1)]
NO_TIMERS = ("tracepoint", "kernel")  # the engines that promise not to be woken


def excess(line):
    """brink promises no wake-ups while nothing happens."""
    if not line["who"].startswith("brink") or not any(f"`{engine}`" in line["who"] for engine in NO_TIMERS):
        return ""
    wake_ups = [each["wake_ups"] for each in line["rounds"]]
    return over(statistics.median(wake_ups), min(wake_ups), 0)


def misses(lines):
    for line in lines:
        if excess(line):
            yield "this machine", f"wake-ups of {line['who']}, {line['processes']} idle processes", excess(line)


def row(line):
    cells = [spread([each[field] for each in line["rounds"]], digits) for _, field, digits in COLUMNS]
    if excess(line):
        cells[1] += f" **{excess(line)}**"
    maps = f"{line['map_bytes'] / 2**20:.1f}" if line.get("map_bytes") else "–"
    return [line["who"] + ("" if line["each_process"] else " ¹"), line["interval"], *cells, maps]


def section(setup, lines):
    text = f"\n## While nothing happens\n\n{HOW.format(seconds=min(line['seconds'] for line in lines))}\n"
    text += f"![CPU time while nothing happens](benchmarks/idle.svg)\n\n{where(setup)}; {', '.join(setup['peers'])}.\n"
    for count in sorted({line["processes"] for line in lines}):
        text += f"\n{count} processes:\n\n"
        text += table(["", "interval", *(name for name, _, _ in COLUMNS), "kernel memory of its maps, MiB"],
                      [row(line) for line in lines if line["processes"] == count])
    return text + REASONS


def plots(lines):
    series = {}
    for line in lines:
        name = line["who"].replace("`", "") + (f" ({line['interval']})" if line["interval"] != "none" else "")
        series.setdefault(name, []).append((line["processes"], statistics.median(each["cpu_s"] for each in line["rounds"])))
    if series:
        yield "idle.svg", line_plot("CPU time while nothing happens", [(name, sorted(points)) for name, points in series.items()],
                                    "idle processes watched", "CPU s a minute", 0.01)
