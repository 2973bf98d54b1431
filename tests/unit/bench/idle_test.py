# SPDX-License-Identifier: Apache-2.0
"""What bench/idle.py counts, of processes that say themselves what they did."""
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent.parent / "bench"))

import idle  # noqa: E402
from peers.program import family  # noqa: E402

# On a line of its input: so many sleeps, or so many seconds of CPU time, by itself or by a child that it waits for.
SUBJECT = """
import os, sys, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
print("ready", flush=True)
for line in sys.stdin:
    what, much = line.split()
    if what == "sleep":
        for _ in range(int(much)): time.sleep(0.001)
    elif what == "burn":
        burn(float(much))
    else:
        child = os.fork()
        if child == 0:
            burn(float(much))
            os._exit(0)
        os.waitpid(child, 0)
    print("done", flush=True)
"""


class Counts(unittest.TestCase):
    def setUp(self):
        self.process = subprocess.Popen([sys.executable, "-c", SUBJECT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.addCleanup(self.end)

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def grown(self, measure, order):
        before = measure(self.process.pid)
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        self.process.stdout.readline()
        return measure(self.process.pid) - before

    def test_each_sleep_is_a_wake_up(self):
        self.assertGreaterEqual(self.grown(idle.wake_ups, "sleep 50"), 50)

    def test_cpu_time_is_its_own_and_that_of_children_that_have_ended(self):
        self.assertGreaterEqual(self.grown(idle.cpu_s, "burn 0.2"), 0.17)
        self.assertGreaterEqual(self.grown(idle.cpu_s, "child 0.2"), 0.17)

    def test_memory_is_what_the_kernel_says(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        rss_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        self.assertAlmostEqual(idle.memory_mib(self.process.pid, "Rss"), rss_kib / 1024, delta=1)
        self.assertLessEqual(idle.memory_mib(self.process.pid, "Pss"), idle.memory_mib(self.process.pid, "Rss"))

    def test_who_has_ended_counts_nothing(self):
        self.assertEqual(idle.over([2**22 + 1], idle.cpu_s), 0)


class Processes(unittest.TestCase):
    def test_there_are_as_many_as_were_asked_for(self):
        processes = idle.Processes(7)
        processes.give_birth()
        pids = processes.pids()
        self.assertEqual(len(set(pids)), 7)
        self.assertEqual(sorted(family(processes.parent)), sorted([processes.parent, *pids]))
        processes.end()


if __name__ == "__main__":
    unittest.main()
