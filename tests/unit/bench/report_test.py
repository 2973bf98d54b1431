# SPDX-License-Identifier: Apache-2.0
"""The page that bench/report.py writes of figures that are made up."""
import json
import sys
import tempfile
import unittest
import xml.dom.minidom
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent.parent / "bench"))

import report  # noqa: E402
from rate import tally  # noqa: E402
from sections import quote  # noqa: E402

SETUP = {"case": "setup", "version": "6.12", "processor": "Some", "processors": 2, "brink": "abc", "date": "2026-01-01",
         "peers": ["monit 1"], "qemu": "7", "auditd": "3", "engine": "tracepoint"}


def seen(who, interval, phase, number, **more):
    late = {"median": 2.5, "min": 1, "p90": 3, "max": 4} if number else None
    return {"case": "catch", "who": who, "interval": interval, "phase": phase, "interval_s": None, "excursions": 10, "seen": number,
            "alarms": number, "false_alarms": 0, "late_ms": late, **more}


def idle(who, interval, count, cpu_s, wake_ups):
    one = {"cpu_s": cpu_s, "wake_ups": wake_ups, "pss_mib": 5, "rss_mib": 6}
    return {"case": "idle", "who": who, "interval": interval, "processes": count, "seconds": 30, "each_process": True,
            "rounds": [one, one, one]}


class Report(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.docs, self.figures = Path(self.folder.name) / "docs", Path(self.folder.name) / "figures"
        self.docs.mkdir()
        self.figures.mkdir()
        self.readme = self.docs.parent / "README.md"
        self.readme.write_text(f"before\n{quote.BEGIN}old\n{quote.END}after\n")

    def write(self, part, *lines):
        (self.figures / f"{part}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [SETUP, *lines]))

    def page(self):
        missed = report.write(self.docs, self.figures)
        return (self.docs / "benchmarks.md").read_text(), missed

    def test_who_sees_half_stands_there_with_half(self):
        self.write("catch", seen("fake", "1 s", "250 ms", 5), seen("brink", "none", "250 ms", 10))
        page, _ = self.page()
        self.assertIn("| fake | 1 s | 50.0 % (5 of 10), 2.50 ms (1.00–4.00) |", page)
        self.assertIn("100.0 % (10 of 10)", page)
        plot = (self.docs / "benchmarks" / "catch.svg").read_text()
        xml.dom.minidom.parseString(plot)
        self.assertIn("50 %, 2.5 ms", plot)

    def test_the_readme_quotes_what_is_caught_and_what_it_costs(self):
        self.write("catch", seen("fake", "1 s", "250 ms", 5), seen("fake", "1 s", "1 ms", 0))
        self.write("idle", idle("fake", "1 s", 2000, 0.5, 60))
        for _ in range(2):
            self.page()
        text = self.readme.read_text()
        self.assertEqual(text.count("| fake | 1 s | 50.0 %, 2.5 ms | 0.0 % | 0.50 | 60 | 5.0 |"), 1)
        self.assertTrue(text.startswith("before\n") and text.endswith("after\n"))
        self.assertNotIn("old", text)

    def test_an_engine_that_is_woken_misses_its_bound(self):
        self.write("idle", idle("brink, engine `tracepoint`", "none", 200, 0, 7), idle("monit", "1 s", 200, 0.5, 60))
        page, missed = self.page()
        self.assertIn("7 (7–7) **over by 7**", page)
        self.assertEqual(len(missed), 1)
        xml.dom.minidom.parseString((self.docs / "benchmarks" / "idle.svg").read_text())

    def test_a_ratio_beyond_its_bound_is_marked_and_what_was_not_measured_is_a_dash(self):
        def line(case, loop, with_):
            return {"case": case, "loop": loop, "without": [1000] * 3, "with": [with_ - 1, with_, with_ + 1]}
        self.write("cost-6.1", line("both", "open_close", 1050))
        self.write("cost-6.12", line("both", "open_close", 1100), line("both", "dup_close", 1200))
        page, missed = self.page()
        self.assertIn("| watched, both directions | 1.050 (1.049–1.051) +50 | 1.100 (1.099–1.101) +100 **over by 0.015** | 1.085 |", page)
        self.assertIn("| dup + close, watched, both directions | – | 1.200 (1.199–1.201) +200 | – |", page)
        self.assertEqual([where for where, _, _ in missed], ["kernel 6.12"])

    def test_growth_beyond_two_per_cent_is_marked(self):
        def growth(number, with_):
            return {"case": "processes", "number": number, "loop": "open_close", "without": [1000] * 3, "with": [with_] * 3}
        self.write("growth-6.12", growth(1, 1100), growth(10, 1110), growth(100, 1200))
        page, missed = self.page()
        self.assertIn("| 10 | 1.009; 1.110", page)
        self.assertEqual([row for _, row, _ in missed], ["100 watched processes"])
        xml.dom.minidom.parseString((self.docs / "benchmarks" / "growth.svg").read_text())

    def test_what_is_not_measured_again_stays(self):
        self.write("rate", {"case": "rate", "rate": 10, "runs": [{"made": 4, "received": 3, "lost": 1, "gaps": 1, "span_ns": 10**9}]})
        first, _ = self.page()
        (self.figures / "rate.jsonl").unlink()
        self.assertEqual(self.page()[0], first)
        self.assertIn("| 10 | 3 | 25.0 % | yes |", first)

    def test_loss_that_is_not_counted_is_said(self):
        self.write("rate", {"case": "rate", "rate": 10, "runs": [{"made": 4, "received": 2, "lost": 1, "gaps": 1, "span_ns": 10**9}]})
        page, missed = self.page()
        self.assertIn("**no**", page)
        self.assertIn("loss is not counted right", [what for _, _, what in missed])


class Tally(unittest.TestCase):
    def test_what_the_numbers_leave_out_is_compared_with_lost(self):
        events = [{"type": "crossing", "seq": 1, "monotonic_ns": 100}, {"type": "lost", "seq": 5, "lost": 3, "monotonic_ns": 100},
                  {"type": "crossing", "seq": 6, "monotonic_ns": 400}, {"type": "exit", "seq": 7, "monotonic_ns": 500}]
        self.assertEqual(tally(map(json.dumps, events)), {"received": 2, "lost": 3, "gaps": 3, "span_ns": 300})


if __name__ == "__main__":
    unittest.main()
