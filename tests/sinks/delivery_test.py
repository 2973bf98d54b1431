#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the relay promises for every output: at least once and in order, through kill -9, a full disk, a history that comes late, is
trimmed, set aside or begun anew; and that it sleeps while nothing happens."""

import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess
import time
import unittest

from receiver import HttpReceiver
from relay import OutputTest, event, main, wait_for


class Delivery(OutputTest):
    def setUp(self):
        super().setUp()
        self.status = 200
        self.receiver = HttpReceiver(lambda *_: (self.status, b""))
        self.addCleanup(self.receiver.close)
        self.text = f'type = "webhook"\nurl = "{self.receiver.url}"\nretry = "10ms"\nretry_longest = "50ms"'

    def received(self):
        return [json.loads(body) for _, body in self.receiver.requests]

    def numbers(self):
        return [body["seq"] for body in self.received() if body["type"] == "crossing"]

    def kill_relay(self):
        self.relay.kill()
        self.relay.wait()
        self.control.unlink(missing_ok=True)

    def test_kill_9(self):
        self.start_relay(self.text)
        self.write(*(event(seq=number) for number in range(1, 401)))
        for count in (50, 150, 250):
            wait_for(f"{count} requests", lambda count=count: len(self.receiver.requests) >= count)
            self.kill_relay()
            self.start_relay()
        self.wait_until_delivered()
        numbers = self.numbers()
        self.assertEqual(sorted(set(numbers)), list(range(1, 401)))
        # In order, but that after each crash the last one can come again.
        again = [(one, other) for one, other in zip(numbers, numbers[1:]) if other != one + 1]
        self.assertLessEqual(len(again), 3)
        self.assertTrue(all(other == one for one, other in again), again)

    @unittest.skipUnless(os.geteuid() == 0, "only root can make a file system that is full")
    def test_the_place_is_kept_on_a_full_disk(self):
        self.start_relay(self.text)
        self.write(event(seq=1))
        self.wait_until_delivered()
        self.stop_relay()

        # The same state in a file system without a free byte, in a mount namespace of the relay's own.
        full = self.folder / "full"
        full.mkdir()
        text = (self.folder / "relay.toml").read_text()
        full_configuration = self.file("full.toml", text.replace(f"{self.folder}/state", str(full)))
        self.relay = self.start("unshare", "--mount", "sh", "-ec", f"""
            mount -t tmpfs -o size=16k tmpfs {full}
            cp {self.folder}/state/* {full}
            ! dd if=/dev/zero of={full}/filler bs=4k
            exec {os.environ["BRINK_RELAY"]} -c {full_configuration}""")
        wait_for("the relay's socket", lambda: self.control.exists() or self.ended(self.relay))
        self.write(event(seq=2))
        self.wait_until_delivered()
        self.assertIn("No space left on device", self.log("unshare"))
        self.assertNotIn("problem", self.state())
        self.assertEqual(self.numbers(), [1, 2])

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody with fewer rights")
    def test_it_needs_no_privileges_but_to_read_the_history(self):
        self.write(event(seq=1))
        self.folder.chmod(0o750)
        for path in [self.folder, *self.folder.glob("events.db*")]:
            os.chown(path, 0, 65534)  # as the group of brinkd
        for name in ("own", "own/state"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, 65534, 65534)
        self.control = self.folder / "own" / "control"
        path = self.configure(self.text)
        path.write_text(path.read_text().replace(f"{self.folder}/state", f"{self.folder}/own/state"))
        path.chmod(0o644)
        self.relay = self.start(os.environ["BRINK_RELAY"], "-c", path, user=65534, group=65534, extra_groups=[])
        wait_for("the relay's socket", lambda: self.control.exists() or self.ended(self.relay))
        self.write(event(seq=2))
        self.wait_until_delivered()
        self.assertEqual(self.numbers(), [2])

    def test_a_history_that_comes_late(self):
        self.history.unlink()
        pathlib.Path(f"{self.history}.bell").unlink()
        self.start_relay(self.text)
        self.assertIn("events.db': No such file or directory", wait_for("a problem", lambda: self.state().get("problem")))
        self.write(event(seq=1))
        self.wait_until_delivered()
        self.assertEqual(self.numbers(), [1])

    def test_brink_status_says_how_far_each_output_is(self):
        daemon = self.file("brink.toml", f'[history]\nfile = "{self.folder}/daemon.db"\n')
        socket = self.folder / "brink.sock"
        self.start(os.environ["BRINKD"], "--engine", "poll", "--config", daemon, "--socket", socket)
        wait_for("the daemon's socket", (self.folder / "status.sock").exists)

        def status(*options):
            command = [os.environ["BRINK"], "status", "--socket", socket, "--control", self.control, *options]
            return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout

        self.assertNotIn("relay", json.loads(status("-o", "json")))
        self.start_relay(self.text)
        self.write(event(seq=1), event(seq=2))
        self.wait_until_delivered()
        outputs = json.loads(status("-o", "json"))["relay"]["outputs"]
        self.assertEqual([(one["delivered"], one["behind"]) for one in outputs], [(2, 0)])
        self.status = 503
        self.write(event(seq=3))
        wait_for("the problem", lambda: "503" in status())
        self.assertRegex(status(), "2 delivered, 0 refused, 0 missed, 1 behind")

    def test_what_was_trimmed_is_said(self):
        self.start_relay(self.text)
        self.write(event(seq=1))
        self.wait_until_delivered()
        self.stop_relay()
        self.write(*(event(seq=number) for number in range(2, 11)))
        with contextlib.closing(sqlite3.connect(self.history)) as database, database:
            database.execute("DELETE FROM events WHERE number BETWEEN 2 AND 6")
        self.start_relay()
        state = self.wait_until_delivered()
        self.assertEqual(self.numbers(), [1, 7, 8, 9, 10])
        self.assertEqual([(body["lost"], body["engine"], body["seq"]) for body in self.received() if body["type"] == "lost"], [(5, "relay", 6)])
        self.assertEqual(state["missed"], 5)

    def test_a_history_that_was_set_aside(self):
        self.start_relay(self.text)
        self.write(event(seq=1))
        self.wait_until_delivered()
        self.history.write_bytes(b"not a database" * 1000)
        for suffix in ("-wal", "-shm"):
            pathlib.Path(f"{self.history}{suffix}").unlink(missing_ok=True)
        self.write(event(seq=2), event(seq=3))  # as brinkd does: begins a new one, the numbers go on
        self.wait_until_delivered()
        self.assertEqual(self.numbers(), [1, 2, 3])

    def test_a_history_that_was_begun_anew(self):
        self.start_relay(self.text)
        self.write(event(seq=1), event(seq=2))
        self.wait_until_delivered()
        self.stop_relay()
        for path in self.folder.glob("events.db*"):
            path.unlink()
        self.write(event(seq=3))
        self.start_relay()
        wait_for("the new one", lambda: self.numbers() == [1, 2, 3])
        self.assertIn("the history has begun anew", self.state()["last_error"])

    def test_start_at_the_beginning_or_at_the_end(self):
        self.write(event(seq=1), event(seq=2))
        path = self.configure(f'{self.text}\nstart = "beginning"')
        path.write_text(f'{path.read_text()}[output.new]\ntype = "webhook"\nurl = "{self.receiver.url}/new"\n')
        self.start_relay()
        self.wait_until_delivered()
        self.write(event(seq=3))
        wait_for("both", lambda: len(self.receiver.requests) == 4)
        by_path = {}
        for path, body in zip(self.receiver.paths, self.received()):
            by_path.setdefault(path, []).append(body["seq"])
        self.assertEqual(by_path, {"/": [1, 2, 3], "/new": [3]})

    def test_filters_pass_over_what_is_not_wanted(self):
        self.start_relay(f'{self.text}\ntypes = ["denied", "crossing"]\nresources = ["maps", "nofile"]')
        self.write(event(seq=1), event(seq=2, type="initial"), event(seq=3, resource="as", unit="By"), event(seq=4, resource="maps"))
        state = self.wait_until_delivered()
        self.assertEqual((self.numbers(), state["delivered"], state["missed"], state["behind"]), ([1, 4], 2, 0, 0))

    def test_it_sleeps_while_nothing_happens(self):
        self.start_relay(self.text)
        self.write(event(seq=1))
        self.wait_until_delivered()

        def switches():
            folder = pathlib.Path(f"/proc/{self.relay.pid}/task")
            return {task.name: [line for line in (task / "status").read_text().splitlines() if "ctxt" in line] for task in folder.iterdir()}

        # What asked for its state has ended; then nobody wakes it.
        wait_for("two threads", lambda: len(switches()) == 2)
        before = switches()
        time.sleep(2)
        self.assertEqual(switches(), before)


if __name__ == "__main__":
    main()
