# SPDX-License-Identifier: Apache-2.0
"""What bench/catch.py says of peers of which it is known what they see. The excursions are real."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent.parent / "bench"))

import catch  # noqa: E402
import contenders  # noqa: E402
import setting  # noqa: E402
import work  # noqa: E402
from peers.program import NotHere, Peer, Place, wait_until  # noqa: E402

ALERT = setting.BUILD / "bench" / "alert"
SHORT = work.Phase("short", 3, 1_000, 20_000, 30_000)
LATE_MS = 2.5


class EverySecond(Peer):
    """tests/unit/bench/fake_peer.py"""
    NAME = "fake"
    DEFAULT_S = 1

    def start(self, pids):
        _, alarms, name = self.place.alert
        self.spawn([sys.executable, HERE / "fake_peer.py", self.times(), alarms, name, LATE_MS])
        self.settle()

    def times(self):
        return self.place.folder.parent / "times"

    def settle(self):
        log = self.log_of([sys.executable])
        made = len(self.times().read_text().splitlines())
        wait_until(lambda: f"read {made}\n" in log.read_text(), f"it had read {made}", self.programs[0])


class Blind(Peer):
    NAME = "blind"

    def start(self, pids):
        self.spawn(["sleep", "1000"])


class Absent(Peer):
    NAME = "absent"

    def start(self, pids):
        self.place.program("usr/bin/absent")


class Raises(Peer):
    """Runs the alarm's program once, with what a peer says when all is well again."""
    NAME = "raises"

    def start(self, pids):
        subprocess.run([*self.place.alert, "--argument", "CRITICAL", "OK"], check=True)


class Catch(unittest.TestCase):
    def setUp(self):
        work.GRACE_S = 0
        self.figures = []
        self.made = []

    def measure(self, peers, times=10, phases=(SHORT,)):
        group = [contenders.Contender(peer.NAME, "1 s", peer) for peer in peers]
        catch.measure(group, Path("/nonexistent"), times, self.figures.append, phases)
        return {(figure["who"], figure["phase"]): figure for figure in self.figures}

    def test_who_sees_every_second_excursion_scores_half(self):
        figure = self.measure([EverySecond])["fake", "short"]
        self.assertEqual((figure["excursions"], figure["seen"], figure["alarms"]), (10, 5, 5))
        self.assertEqual({figure["late_ms"][what] for what in ("median", "min", "max")}, {LATE_MS})

    def test_peers_of_a_group_are_told_apart(self):
        figures = self.measure([EverySecond, Blind], times=6)
        self.assertEqual(figures["fake", "short"]["seen"], 3)
        self.assertEqual(figures["blind", "short"]["seen"], 0)
        self.assertIsNone(figures["blind", "short"]["late_ms"])

    def test_each_phase_is_scored_by_itself(self):
        figures = self.measure([EverySecond], times=5, phases=(SHORT, SHORT._replace(name="again")))
        self.assertEqual([figures["fake", name]["seen"] for name in ("short", "again")], [2, 3])

    def test_a_peer_that_is_not_there_is_left_out(self):
        figures = self.measure([Absent, EverySecond], times=4)
        self.assertEqual(set(figures), {("fake", "short")})
        with self.assertRaises(NotHere):
            Absent(Place("/nonexistent", "/tmp", [])).start([1])

    def test_that_all_is_well_again_is_no_alarm(self):
        self.assertEqual(self.measure([Raises], times=2)["raises", "short"]["alarms"], 0)


class Work(unittest.TestCase):
    def test_the_kernel_refuses_where_it_is_said(self):
        with tempfile.TemporaryDirectory() as folder:
            work.GRACE_S = 0
            excursions = work.Excursions(setting.BUILD / "bench" / "excursions", Path(folder))
            made = excursions.run(work.REFUSED._replace(hold_us=0, shortest_pause_us=0, longest_pause_us=0), 3)
            excursions.end()
        self.assertEqual(len(made), 3)
        for one in made:
            self.assertLess(one.crossing, one.crossed)
            self.assertLess(one.crossed, one.refused)
            self.assertLess(one.refused, one.back)

    def test_a_phase_that_is_none_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([setting.BUILD / "bench/excursions", "--files", folder, "--times", folder + "/times"],
                                  input="10 3 0 9 1\n", capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("not a phase: '10 3 0 9 1'", done.stderr)


class Alert(unittest.TestCase):
    def raised(self, *arguments, said=""):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([ALERT, folder + "/alarms", "me", *arguments], input=said, text=True, check=True)
            file = Path(folder) / "alarms"
            return file.read_text().count("me ") if file.exists() else 0

    def test_it_is_raised_only_where_it_is_meant(self):
        self.assertEqual(self.raised(), 1)
        self.assertEqual(self.raised("--argument", "CRITICAL", "host", "CRITICAL"), 1)
        self.assertEqual(self.raised("--argument", "CRITICAL", "host", "OK"), 0)
        self.assertEqual(self.raised("--input", "FAILURE", said="Severity: FAILURE\n\n"), 1)
        self.assertEqual(self.raised("--input", "FAILURE", said="Severity: OKAY\n\n"), 0)
        self.assertEqual(self.raised("--each-line", "up", said="up\ndown\nup\n"), 2)


if __name__ == "__main__":
    unittest.main()
