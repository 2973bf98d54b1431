# SPDX-License-Identifier: Apache-2.0
"""Alarms against excursions, both made up."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent.parent / "bench"))

from score import Excursion, read_alarms, read_excursions, score  # noqa: E402

MS = 1_000_000
# Crossing at 100 ms, 200 ms, 300 ms and 400 ms; refused 5 ms later.
FOUR = [Excursion(at * MS, at * MS + 1000, (at + 20) * MS, (at + 5) * MS) for at in (100, 200, 300, 400)]


class Score(unittest.TestCase):
    def test_an_alarm_belongs_to_the_last_excursion_that_had_begun(self):
        figure = score(FOUR, [101 * MS, 199 * MS, 302 * MS])
        self.assertEqual((figure["seen"], figure["alarms"], figure["false_alarms"]), (2, 3, 0))
        self.assertEqual(figure["late_ms"], {"median": 1.5, "min": 1, "p90": 2, "max": 2})

    def test_an_alarm_before_all_is_false(self):
        figure = score(FOUR, [99 * MS])
        self.assertEqual((figure["seen"], figure["false_alarms"]), (0, 1))
        self.assertIsNone(figure["late_ms"])

    def test_lateness_counts_from_what_the_peer_speaks_of(self):
        figure = score(FOUR, [106 * MS], "refused")
        self.assertEqual(figure["late_ms"]["median"], 1)

    def test_what_is_written_is_read(self):
        self.assertEqual(read_excursions("1 2 3 0\n"), [Excursion(1, 2, 3, 0)])
        self.assertEqual(read_alarms("a 7\nb 5\na 6\n", "a"), [6, 7])


if __name__ == "__main__":
    unittest.main()
