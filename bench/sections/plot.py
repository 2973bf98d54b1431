# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG, drawn by hand: bars for shares, and lines on logarithmic axes for what spans powers of ten."""
import math
from xml.sax.saxutils import escape

FONT = 'font-family="sans-serif" font-size="12" fill="#333"'
COLOURS = ["#0b62a4", "#e07b39", "#4b9b55", "#b03a6b", "#7a5fb5", "#8a6d3b", "#2aa198", "#c0392b", "#555", "#9acd32", "#d4a017",
           "#20639b"]
OURS = COLOURS[0]
OTHERS = "#9aa5b1"


def text(x, y, words, anchor="start", more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" {FONT} {more}>{escape(words)}</text>\n'


def document(width, height, title, body):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">\n'
            f"<title>{escape(title)}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n" +
            text(12, 22, title, more='font-weight="bold"') + body + "</svg>\n")


def bars(title, rows, columns):
    """Rows of a name, whether it is ours, and for each column a share of 1 (None: none) with what is written beside it."""
    left, width, row_height, top = 270, 210, 22, 62
    body = "".join(text(left + number * width, 48, name) for number, name in enumerate(columns))
    for index, (name, ours, cells) in enumerate(rows):
        y = top + index * row_height
        body += text(left - 10, y + 12, name, "end")
        for number, (share, words) in enumerate(cells):
            x = left + number * width
            length = (share or 0) * 100
            body += f'<rect x="{x}" y="{y}" width="100" height="15" fill="#f0f2f4"/>\n'
            body += f'<rect x="{x}" y="{y}" width="{length:.1f}" height="15" fill="{OURS if ours else OTHERS}"/>\n'
            body += text(x + 106, y + 12, words)
    return document(left + len(columns) * width, top + len(rows) * row_height + 12, title, body)


class Scale:
    """A logarithmic axis over the values, in whole powers of ten."""

    def __init__(self, values, start, end):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self.start, self.end = start, end

    def at(self, value):
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self):
        return [10.0 ** power for power in range(self.low, self.high + 1)]


def lines(title, series, x_name, y_name, floor):
    """Series of a name and points (x, y). What is below `floor` is drawn there, as the axis says."""
    width, height, left, bottom, right, top = 860, 420, 70, 375, 560, 50
    x = Scale([point for _, points in series for point, _ in points], left, right)
    y = Scale([max(value, floor) for _, points in series for _, value in points] + [floor], bottom, top)
    body = f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" fill="none" stroke="#bbb"/>\n'
    for tick in y.ticks():
        body += f'<line x1="{left}" x2="{right}" y1="{y.at(tick):.0f}" y2="{y.at(tick):.0f}" stroke="#e4e4e4"/>\n'
        body += text(left - 6, y.at(tick) + 4, ("≤ " if tick <= floor else "") + f"{tick:g}", "end")
    for tick in x.ticks():
        body += text(x.at(tick), bottom + 18, f"{tick:,.0f}".replace(",", " "), "middle")
    body += text((left + right) / 2, bottom + 36, x_name, "middle") + text(left, top - 8, y_name)
    for index, (name, points) in enumerate(series):
        colour = COLOURS[index % len(COLOURS)]
        at = [(x.at(point), y.at(max(value, floor))) for point, value in points]
        body += f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(f"{a:.0f},{b:.0f}" for a, b in at)}"/>\n'
        body += "".join(f'<circle cx="{a:.0f}" cy="{b:.0f}" r="3" fill="{colour}"/>\n' for a, b in at)
        body += f'<rect x="{right + 20}" y="{top + index * 20}" width="12" height="12" fill="{colour}"/>\n'
        body += text(right + 38, top + index * 20 + 11, name)
    return document(width, height, title, body)
