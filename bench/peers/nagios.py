# SPDX-License-Identifier: Apache-2.0
"""nagios4 with a check that looks at all processes of a name, and an event handler."""
import grp
import os
import pwd

from .brink import comm_of
from .program import HERE, Peer, wait_until


class Nagios(Peer):
    NAME = "nagios4"
    DEFAULT_S = 300
    FASTEST_S = 1  # whole seconds

    def start(self, pids):
        folder = self.place.folder
        (folder / "checks").mkdir()
        alert = [*self.place.alert, "--argument", "CRITICAL", "$SERVICESTATE$"] if self.place.alert else ["/bin/true"]
        self.place.configure("nagios_objects.cfg", CHECK=f"{HERE / 'check_nofile.py'} {comm_of(pids[0])} 80",
                             ALERT=" ".join(alert), INTERVAL=self.interval_s)
        config = self.place.configure("nagios.cfg", USER=pwd.getpwuid(os.geteuid()).pw_name,
                                      GROUP=grp.getgrgid(os.getegid()).gr_name)
        program = self.spawn([self.place.program("usr/sbin/nagios4"), config])
        status = folder / "status.dat"
        # It spreads first checks over the interval; one that was made tells that it is at work.
        wait_until(lambda: status.exists(), "it wrote its status", program)
