#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""journal against a real systemd-journald, in a mount namespace and a journal namespace of its own; read back by journalctl."""

import json
import os
import shutil
import subprocess
import unittest

from relay import OutputTest, event, lost, main, wait_for

JOURNALD = "/lib/systemd/systemd-journald"


@unittest.skipUnless(os.geteuid() == 0, "only root can start a journald")
class Journal(OutputTest):
    def journald(self):
        """Starts it; its /run and /var/log are in the folder of the test."""
        for name in ("run/systemd", "run/log", "log"):
            (self.folder / name).mkdir(parents=True)
        self.socket = self.folder / "run" / "systemd" / "journal.brink" / "socket"
        daemon = self.start("unshare", "--mount", "sh", "-ec", f"""
            mount --bind {self.folder}/log /var/log
            mount --bind {self.folder}/run /run
            exec {JOURNALD} brink""")
        wait_for("journald", lambda: self.socket.exists() or self.ended(daemon))
        return daemon

    def entries(self):
        roots = {path.parent for path in self.folder.glob("**/system.journal")}
        if not roots:
            return []
        done = subprocess.run([shutil.which("journalctl"), *(f"--directory={root}" for root in roots), "-o", "json", "SYSLOG_IDENTIFIER=brink"], text=True, capture_output=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def wait_for_entries(self, count):
        return wait_for(f"{count} entries", lambda: len(found := self.entries()) >= count and found)

    def test_entries(self):
        self.journald()
        self.start_relay(f'type = "journal"\nsocket = "{self.socket}"')
        odd = event(type="denied", errno=24, error="EMFILE", comm="a\nb=c é", unit_name=None)
        self.write(event(), odd, lost(3))
        first, second, third = self.wait_for_entries(3)
        self.assertEqual((first["MESSAGE"], first["PRIORITY"]), ("nofile 80% up: leaky.service[1234] at 820 of 1024", "4"))
        self.assertEqual((first["BRINK_USAGE"], first["BRINK_LIMIT"], first["BRINK_UNIT_NAME"], first["BRINK_PID"]), ("820", "1024", "leaky.service", "1234"))
        self.assertEqual(json.loads(first["BRINK_EVENT"]), event())
        self.assertEqual((second["BRINK_COMM"], second["PRIORITY"]), ("a\nb=c é", "3"))
        self.assertEqual((third["MESSAGE"], third["BRINK_LOST"]), ("3 events are missing", "3"))

    def test_a_journald_that_comes_later(self):
        path = self.folder / "run" / "systemd" / "journal.brink" / "socket"
        self.start_relay(f'type = "journal"\nsocket = "{path}"\nretry = "10ms"\nretry_longest = "100ms"')
        self.write(event())
        self.assertEqual(wait_for("a problem", lambda: self.state().get("problem")), f"{path}: No such file or directory")
        self.journald()
        self.wait_for_entries(1)
        self.assertIn("bytes sent to", self.ask("test it")["answer"])
        self.assertTrue(self.wait_for_entries(2)[1]["MESSAGE"].startswith("test: "))


if __name__ == "__main__":
    main()
