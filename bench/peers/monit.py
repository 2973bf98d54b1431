# SPDX-License-Identifier: Apache-2.0
"""monit: looks at its processes once in a cycle."""
import os

from .program import HERE, Peer, wait_until


class Monit(Peer):
    NAME = "monit"
    DEFAULT_S = 120  # in Debian's monitrc
    FASTEST_S = 1  # whole seconds

    def start(self, pids):
        folder = self.place.folder
        (folder / "pids").mkdir()
        (folder / "checks").mkdir()
        check = (HERE / "monit_check.conf").read_text(encoding="utf-8")
        with open(folder / "checks" / "processes", "w", encoding="utf-8") as checks:
            for pid in pids:
                (folder / "pids" / str(pid)).write_text(f"{pid}\n")
                checks.write(check.replace("@PID@", str(pid)).replace("@FOLDER@", str(folder))
                             .replace("@ALERT@", " ".join(self.place.alert) or "/bin/true"))
        config = self.place.configure("monit.conf", INTERVAL=self.interval_s)
        os.chmod(config, 0o600)  # monit insists
        program = self.spawn([self.place.program("usr/bin/monit"), "-I", "-c", config])
        wait_until(lambda: (folder / "monit.state").exists(), "it wrote its state", program)
