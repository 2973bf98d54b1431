#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rrd: what rrdtool itself reads out of the files."""

import os
import subprocess

from relay import OutputTest, event, lost, main, program, wait_for

TIME = "2026-11-20T09:30:%02d.123456789Z"
SECONDS = 1795167000  # of 09:30:00


class Rrd(OutputTest):
    def setUp(self):
        super().setUp()
        self.files = self.folder / "rrd"
        self.files.mkdir()

    def deliver_to(self, more=""):
        self.start_relay(f'type = "rrd"\nfolder = "{self.files}"\nretry = "10ms"\nretry_longest = "100ms"\n{more}')

    def rrdtool(self, *words):
        return subprocess.run([program("rrdtool"), *map(str, words)], text=True, capture_output=True, check=True).stdout

    def last_update(self, name):
        """Its time, usage and limit."""
        return self.rrdtool("lastupdate", self.files / f"{name}.rrd").split("\n")[2]

    def test_values_are_in_the_files(self):
        self.deliver_to('step_s = 1\narchives = ["RRA:MAX:0.5:1:100"]')
        self.write(event(time=TIME % 1, usage=700), event(time=TIME % 2, usage=820), event(time=TIME % 2, usage=810), lost(3),
                   event(time=TIME % 3, usage=5, limit=None, unit_name=None, comm="../läky x"), event(time=TIME % 3, usage=None, limit=None, type="exit"))
        self.wait_until_delivered()
        self.assertEqual(sorted(os.listdir(self.files)), ["web1.nofile..._l__ky_x.rrd", "web1.nofile.leaky.service.rrd"])
        self.assertEqual(self.last_update("web1.nofile.leaky.service"), f"{SECONDS + 2}: 820 1024")
        self.assertEqual(self.last_update("web1.nofile..._l__ky_x"), f"{SECONDS + 3}: 5 U")
        rows = self.rrdtool("fetch", self.files / "web1.nofile.leaky.service.rrd", "MAX", "--start", SECONDS, "--end", SECONDS + 2)
        values = [float(line.split()[1]) for line in rows.splitlines() if line.startswith(f"{SECONDS + 1}:") or line.startswith(f"{SECONDS + 2}:")]
        self.assertEqual(values, [700, 820])

    def test_what_is_older_changes_nothing(self):
        self.deliver_to()
        self.write(event(time=TIME % 30, usage=900))
        self.wait_until_delivered()
        self.write(event(time=TIME % 29, usage=1), event(time=TIME % 30, usage=2))
        self.wait_until_delivered()
        self.assertEqual(self.last_update("web1.nofile.leaky.service"), f"{SECONDS + 30}: 900 1024")

    def test_no_more_files_than_allowed(self):
        self.deliver_to("max_files = 2")
        self.write(*(event(time=TIME % n, comm=f"c{n}", unit_name=None) for n in range(4)))
        wait_for("two that are refused", lambda: self.state()["refused"] == 2)
        self.assertEqual(len(os.listdir(self.files)), 2)
        self.assertIn("as many as max_files allows", self.state()["last_error"])

    def test_a_folder_that_comes_later(self):
        self.files.rmdir()
        self.deliver_to()
        self.write(event(time=TIME % 1))
        self.assertEqual(wait_for("a problem", lambda: self.state().get("problem")), f"{self.files}: No such file or directory")
        self.files.mkdir()
        self.wait_until_delivered()
        self.assertEqual(self.last_update("web1.nofile.leaky.service"), f"{SECONDS + 1}: 820 1024")

    def test_test_sink(self):
        self.deliver_to()
        self.write(event())
        self.wait_until_delivered()
        done = subprocess.run([os.environ["BRINK"], "test-sink", "--control", self.control, "it"], text=True, capture_output=True, check=True)
        self.assertIn("can be written and has 1 files", done.stdout)


if __name__ == "__main__":
    main()
