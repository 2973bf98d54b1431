# SPDX-License-Identifier: Apache-2.0
"""What the README quotes of the figures: of each peer what it catches and what it costs, in one row."""
import statistics

from .catch import contenders
from .layout import table

BEGIN, END = "<!-- what ./dev bench measured; written by it -->\n", "<!-- end -->\n"
IDLE_PROCESSES = 2000
TO_A_READER = "to a reader"  # left out: of the rows of brink those are shown that start a program, as its peers do


def caught(line):
    if line is None:
        return "–"
    share = f"{100 * line['seen'] / line['excursions']:.1f} %"
    return f"{share}, {line['late_ms']['median']:.1f} ms" if line["late_ms"] else share


def rows(catches, idles):
    here = [line for line in catches if "guest" not in line and TO_A_READER not in line["who"]]
    for (who, interval), of in contenders(here).items():
        idle = [line for line in idles if (line["who"], line["interval"]) == (who, interval) and line["processes"] == IDLE_PROCESSES]
        costs = [f"{statistics.median(each[field] for each in idle[0]['rounds']):.{digits}f}" if idle else "–"
                 for field, digits in (("cpu_s", 2), ("wake_ups", 0), ("pss_mib", 1))]
        yield [who, interval, caught(of.get("250 ms")), caught(of.get("1 ms")), *costs]


def quote(catches, idles):
    return ("\n" + table(["", "interval", "excursions of 250 ms seen, how late", "of 1 ms",
                          f"CPU s a minute, {IDLE_PROCESSES} idle processes", "wake-ups a minute", "PSS MiB"],
                         list(rows(catches, idles))) + "\n")


def replace(page, words):
    """The page with `words` between its marks."""
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[:begin] + words + page[end:]
