# SPDX-License-Identifier: Apache-2.0
"""What an operation costs in guests, counted in instructions (bench/cost.sh)."""
from .layout import ratios, table
from .operations import TOPICS

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


def figures_of(lines):
    """By topic and row. A row whose case was not measured has none."""
    series = {(line["case"], line["loop"]): line for line in lines if "loop" in line}
    figures = {}
    for topic, _, rows in TOPICS:
        for name, loop, case, base, bound in rows:
            line, before = series.get((case, loop)), series.get((base, loop)) if base else None
            if line is None or (base and before is None):
                continue
            pair = (before["without"], line["without"]) if base else (line["without"], line["with"])
            figures[topic, name] = {"bound": bound, "count": len(pair[1]), **ratios(*pair)}
    return figures


def excess(figure):
    """What is to be said where the bound is missed, else nothing."""
    if figure["bound"] is None or figure["ratio"] <= figure["bound"]:
        return ""
    within = ", within the spread" if figure["min"] <= figure["bound"] else ""
    return f"over by {figure['ratio'] - figure['bound']:.3f}{within}"


def cell(figure):
    if figure is None:
        return "–"
    text = f"{figure['ratio']:.3f} ({figure['min']:.3f}–{figure['max']:.3f}) {figure['added']:+.0f}"
    return f"{text} **{excess(figure)}**" if excess(figure) else text


def misses(kernels):
    """Kernel, row, what is to be said."""
    for kernel, (_, lines) in kernels.items():
        for (_, row), figure in figures_of(lines).items():
            if excess(figure):
                yield f"kernel {kernel}", row, excess(figure)


def section(kernels):
    """`kernels`: by name, in order, the setup and the lines of each."""
    of = {kernel: figures_of(lines) for kernel, (_, lines) in kernels.items()}
    alternations = min(figure["count"] for figures in of.values() for figure in figures.values())
    text = "## In guests: the engine `kernel`\n\n" + HOW.format(alternations=alternations)
    for topic, about, rows in TOPICS:
        measured = [row for row in rows if any((topic, row[0]) in figures for figures in of.values())]
        if measured:
            text += f"\n### {topic}\n\n{about}\n\n"
            text += table([""] + list(of) + ["bound"], [
                [row[0]] + [cell(figures.get((topic, row[0]))) for figures in of.values()] +
                [f"{row[4]:.3f}" if row[4] else "–"] for row in measured])
    text += "\n### What was measured\n\n"
    fields = [("kernel (Debian)", "version"), ("qemu", "qemu"), ("auditctl (Debian)", "auditd"),
              ("brink", "brink"), ("on", "date")]
    return text + table([""] + list(of), [
        [name] + [setup[field] for setup, _ in kernels.values()] for name, field in fields])
