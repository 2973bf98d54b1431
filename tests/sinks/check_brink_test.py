#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_brink: ranges, selection, performance data, and that lack of privileges is UNKNOWN, never OK; run by a real nagios4, too."""

import os
import re
import subprocess
import sys
import unittest

from nagios_running import NagiosTest
from relay import PATIENCE_S, main

HOLDER = """
import resource, os, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
names = os.listdir("/proc/self/fd")
kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(50 - len(names) + 1)]
print(len(os.listdir("/proc/self/fd")) - 1, flush=True)
sys.stdin.read()
"""


class CheckBrink(unittest.TestCase):
    def check(self, *words, **options):
        done = subprocess.run([os.environ["CHECK_BRINK"], *map(str, words)], text=True, capture_output=True, check=False,
                              timeout=PATIENCE_S, **options)
        self.assertEqual(done.stderr, "")
        self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)
        return done.returncode, done.stdout.strip()

    def holder(self):
        """A process with 50 of 100 descriptors open."""
        process = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.assertEqual(process.stdout.readline(), "50\n")
        return process.pid

    def test_states_and_performance_data(self):
        pid = self.holder()
        for words, status, word in (((), 0, "OK"), (("-w", 40), 1, "WARNING"), (("-w", 30, "-c", 49.5), 2, "CRITICAL")):
            answer = self.check("-r", "nofile", "--pid", pid, *words)
            self.assertEqual(answer[0], status)
            self.assertRegex(answer[1], rf"^NOFILE {word} - python3[^|]*\[{pid}\] at 50 of 100 \(50.0%\) \| 'nofile'=50;;;0;100 'nofile used'=50.0%;")

    def test_ranges(self):
        pid = self.holder()
        for text, alerts in {"50": False, "49": True, "60:": True, "50:": False, "~:50": False, "~:49.9": True, "10:20": True,
                             "40:60": False, "@40:60": True, "@50": True, "@10:20": False, "@51:": False}.items():
            status, line = self.check("-r", "nofile", "--pid", pid, "-m", "usage", "-w", text, "-c", "~:")
            self.assertEqual(status, int(alerts), f"{text}: {line}")
            self.assertIn(f"'nofile'=50;{text};~:;0;100", line)
        self.assertEqual(self.check("-r", "nofile", "--pid", pid, "-m", "headroom", "-w", "60:", "-c", "50:")[0], 1)
        for text in ("", "x", "10:5", "1:2:3", "@", "nan", "1e3"):
            status, line = self.check("-r", "nofile", "-w", text)
            self.assertEqual(status, 3, text)
            self.assertIn("is no range", line)

    def test_who(self):
        pid = self.holder()
        self.assertEqual(self.check("-r", "nofile", "--user", os.getuid(), "-m", "usage", "-w", "~:", "-c", "~:")[0], 0)
        status, line = self.check("-r", "nofile", "--comm", "no-such-process")
        self.assertEqual((status, line), (3, "NOFILE UNKNOWN - there is no comm no-such-process"))
        status, line = self.check("-r", "nofile", "--pid", 2 ** 22 - 1)
        self.assertEqual((status, line), (3, f"NOFILE UNKNOWN - there is no process {2 ** 22 - 1}"))
        self.assertIn(f"[{pid}] at 50", self.check("-r", "nofile", "--pid", pid)[1])

    def test_the_system(self):
        status, line = self.check("-r", "file_nr")
        with open("/proc/sys/fs/file-max", encoding="ascii") as file:
            self.assertIn(f";0;{file.read().strip()} ", line)
        self.assertEqual(status, 0)

    def test_wrong_usage_is_unknown(self):
        for words, said in ((("-r", "nofle"), "did you mean nofile?"), ((), "there is no resource; write -r NAME"),
                            (("-r", "nofile", "--pid", 1, "--comm", "x"), "write one of"), (("-r", "file_nr", "--pid", 1), "does not select one"),
                            (("-r", "nofile", "-m", "usage"), "write -w and -c"), (("--frob",), "--frob")):
            status, line = self.check(*words)
            self.assertEqual(status, 3)
            self.assertTrue(line.startswith("BRINK UNKNOWN - ") and said in line, line)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody with fewer rights")
    def test_no_false_ok_for_lack_of_privileges(self):
        nobody = {"user": 65534, "group": 65534, "extra_groups": []}
        pid = self.holder()
        status, line = self.check("-r", "maps", "--pid", pid)
        self.assertEqual(status, 0, line)
        status, line = self.check("-r", "maps", "--pid", pid, **nobody)
        self.assertEqual((status, line), (3, f"MAPS UNKNOWN - nothing is known of process {pid}; 1 of 1 may not be read by user 65534"))
        status, line = self.check("-r", "maps", **nobody)
        self.assertEqual(status, 3)
        self.assertRegex(line, r"MAPS UNKNOWN - .*; \d+ of \d+ may not be read by user 65534")
        # What is read is worse than the unknown: it is said.
        own = subprocess.Popen(["sleep", "600"], **nobody)
        self.addCleanup(own.wait)
        self.addCleanup(own.terminate)
        self.assertEqual(self.check("-r", "maps", "-c", "0.0001", **nobody)[0], 2)
        self.assertEqual(self.check("-r", "inotify_watches", **nobody)[0], 3)
        # A process of one's own is read.
        self.assertEqual(self.check("-r", "maps", "--pid", own.pid, **nobody)[0], 0)


class RunByNagios(NagiosTest):
    def test_nagios_runs_it(self):
        self.nagios(plugin=f"{os.environ['CHECK_BRINK']} -r file_nr")
        status = self.wait_for_state(0)
        self.assertRegex(status["plugin_output"], r"^FILE_NR OK - the system at ")
        self.assertTrue(re.match(r"'file_nr'=\d+;;;0;\d+ ", status["performance_data"]))


if __name__ == "__main__":
    main()
