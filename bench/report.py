#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/benchmarks.json, docs/benchmarks.md, the plots in docs/benchmarks and the table in README.md from what the
parts of ./dev bench left in build/bench. A part that was not measured again keeps the figures of docs/benchmarks.json.
Prints which bounds are missed.

usage: report.py
"""
import json
import re
import sys

import setting
from sections import catch, cost, growth, idle, look, machine, quote

DOCS = setting.TREE / "docs"
PART = re.compile(r"(catch|idle|look|native|rate|(cost|growth)-.+)")
BY_HAND = "by ./dev bench, and not by hand"


def natural(text):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def read_parts(docs=DOCS, figures=setting.FIGURES):
    """By name of the part: the line with the setup, then those with the figures."""
    parts = {}
    if (docs / "benchmarks.json").exists():
        parts = json.loads((docs / "benchmarks.json").read_text())["parts"]
    for path in figures.glob("*.jsonl"):
        if PART.fullmatch(path.stem):
            parts[path.stem] = [json.loads(line) for line in path.read_text().splitlines()]
    return dict(sorted(parts.items(), key=lambda part: natural(part[0])))


def kernels_of(parts, name):
    """Of a part that is measured kernel by kernel."""
    return {part.removeprefix(f"{name}-"): (lines[0], lines[1:]) for part, lines in parts.items() if part.startswith(f"{name}-")}


def sections(parts):
    """Of each that was measured: its text, what misses its bound, and its plots."""
    catches, idles, looks, native, rates = (parts.get(name) for name in ("catch", "idle", "look", "native", "rate"))
    costs, growths = kernels_of(parts, "cost"), kernels_of(parts, "growth")
    if catches:
        yield catch.section(catches[0], catches[1:]), [], catch.plots(catches[1:])
    if costs:
        yield "\n" + cost.section(costs), cost.misses(costs), []
    if native:
        yield machine.section(native[0], native[1:]), machine.misses(native[1:]), []
    if idles:
        yield idle.section(idles[0], idles[1:]), idle.misses(idles[1:]), idle.plots(idles[1:])
    if growths:
        yield growth.section(growths), growth.misses(growths), growth.plots(growths)
    if rates:
        yield growth.rate_section(rates[0], rates[1:]), growth.rate_misses(rates[1:]), []
    if looks:
        yield look.section(looks[0], looks[1:]), look.misses(looks[1:]), []


def write_json(parts, docs):
    def lines(of):
        return "[\n" + ",\n".join("   " + json.dumps(line) for line in of) + "\n  ]"
    (docs / "benchmarks.json").write_text(
        f'{{\n "written": "{BY_HAND}",\n "parts": {{\n' +
        ",\n".join(f"  {json.dumps(name)}: {lines(of)}" for name, of in parts.items()) + "\n }\n}\n")


def write(docs=DOCS, figures=setting.FIGURES):
    """Returns the missed bounds: where, which row, what is to be said."""
    parts = read_parts(docs, figures)
    if not parts:
        sys.exit(f"report.py: there are no figures in {figures}; ./dev bench measures")
    text = (f"<!-- Written {BY_HAND}. -->\n# Benchmarks\n\nThis page is written {BY_HAND.replace('./dev bench', '`./dev bench`')}; "
            "[benchmarks.json](benchmarks.json) has every single figure. Where the instructions go, and what was tried: "
            "[performance.md](performance.md).\n\n")
    missed = []
    (docs / "benchmarks").mkdir(exist_ok=True)
    for section, misses, plots in sections(parts):
        text += section
        missed += misses
        for name, plot in plots:
            (docs / "benchmarks" / name).write_text(plot)
    readme = docs.parent / "README.md"
    if "catch" in parts:
        words = quote.quote(parts["catch"][1:], parts.get("idle", [{}])[1:])
        readme.write_text(quote.replace(readme.read_text(), words))
    write_json(parts, docs)
    (docs / "benchmarks.md").write_text(text.replace("\n\n\n", "\n\n"))
    return missed


def main():
    missed = write()
    for where, row, what in missed:
        print(f"{where}: {row}: {what}")
    print(f"{len(missed)} bounds missed; docs/benchmarks.md has all figures")


if __name__ == "__main__":
    main()
