# SPDX-License-Identifier: Apache-2.0
"""Which excursions were seen, and how late: the times that bench/excursions wrote down against those of the alarms."""
import bisect
import statistics
from typing import NamedTuple


class Excursion(NamedTuple):
    """In nanoseconds of CLOCK_MONOTONIC: before and after the open that crossed; back below; before the open that was
    refused, else 0."""
    crossing: int
    crossed: int
    back: int
    refused: int


def read_excursions(text):
    return [Excursion(*map(int, line.split())) for line in text.splitlines()]


def read_alarms(text, name):
    """When the alarm's program was running, of the alarms with this name."""
    return sorted(int(line.split()[1]) for line in text.splitlines() if line.split()[0] == name)


def score(excursions, alarms, since="crossing"):
    """An alarm belongs to the last excursion that had begun; the first of one counts. What comes before the first
    excursion is a false alarm. `since`: what lateness is counted from, a field of Excursion."""
    begun = [getattr(excursion, since) for excursion in excursions]
    late_ns, false_alarms = {}, 0
    for alarm in alarms:
        index = bisect.bisect_right(begun, alarm) - 1
        if index < 0:
            false_alarms += 1
        else:
            late_ns.setdefault(index, alarm - begun[index])
    late_ms = sorted(round(ns / 1e6, 3) for ns in late_ns.values())
    held_ms = [(excursion.back - excursion.crossed) / 1e6 for excursion in excursions]
    return {
        "excursions": len(excursions),
        "seen": len(late_ns),
        "alarms": len(alarms),
        "false_alarms": false_alarms,
        "late_ms": {"median": statistics.median(late_ms), "min": late_ms[0], "p90": late_ms[len(late_ms) * 9 // 10],
                    "max": late_ms[-1]} if late_ms else None,
        "held_ms": round(statistics.median(held_ms), 4) if held_ms else None,
    }
