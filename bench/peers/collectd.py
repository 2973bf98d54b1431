# SPDX-License-Identifier: Apache-2.0
"""collectd with its plugins processes, threshold and exec; without an alarm, with csv."""
import os
import pwd

from .brink import comm_of
from .program import HERE, Peer, wait_until


class Collectd(Peer):
    NAME = "collectd"
    DEFAULT_S = 10
    FASTEST_S = 0.1  # what it is told is taken; below this it did not keep up
    EACH_PROCESS = False

    def start(self, pids):
        config = self.place.configure("collectd.conf", INTERVAL=self.interval_s, PATTERN=f"^[^ ]*/{comm_of(pids[0])} ",
                                      OUTPUT=self.output().replace("@FOLDER@", str(self.place.folder)))
        program = self.spawn([self.place.program("usr/sbin/collectd"), "-f", "-C", config])
        log = self.place.folder / "collectd.log"
        wait_until(lambda: "Initialization complete" in log.read_text(errors="replace"), "it was initialised", program)

    def output(self):
        if not self.place.alert:
            return (HERE / "collectd_csv.conf").read_text(encoding="utf-8")
        text = (HERE / "collectd_alert.conf").read_text(encoding="utf-8")
        words = [*self.place.alert, "--input", "Severity: FAILURE"]
        # Its plugin exec refuses to run anything as root.
        user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        return text.replace("@USER@", user).replace("@WORDS@", " ".join(f'"{word}"' for word in words))
