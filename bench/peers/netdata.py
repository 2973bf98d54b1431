# SPDX-License-Identifier: Apache-2.0
"""netdata with apps.plugin. It counts a file once, however often and by whomever it is open, and knows no limit."""
import os
import pwd
import subprocess

from .brink import comm_of
from .program import Peer, free_port, wait_until
from .prometheus import answers


class Netdata(Peer):
    NAME = "netdata"
    DEFAULT_S = 1
    FASTEST_S = 1  # whole seconds
    EACH_PROCESS = False

    def start(self, pids):
        folder = self.place.folder
        for name in ("cache", "lib", "health.d"):
            (folder / name).mkdir()
        port = free_port()
        config = self.place.configure("netdata.conf", USER=pwd.getpwuid(os.geteuid()).pw_name, PORT=port)
        os.rename(self.place.configure("netdata_groups.conf", COMM=comm_of(pids[0])), folder / "apps_groups.conf")
        if self.place.alert:
            os.rename(self.place.configure("netdata_health.conf", ALERT=self.alarm_program()), folder / "health.d/watched.conf")
        (folder / ".opt-out-from-anonymous-statistics").touch()
        program = self.spawn([self.place.program("usr/sbin/netdata"), "-D", "-c", config])
        chart = f"http://127.0.0.1:{port}/api/v1/data?chart=apps.files&after=-1"
        wait_until(lambda: answers(chart), "it had data of apps.plugin", program)

    def alarm_program(self):
        """It takes no arguments with the name of a program."""
        script = self.place.folder / "alarm"
        script.write_text(f"#!/bin/sh\nexec {' '.join(self.place.alert)} --argument CRITICAL \"$@\"\n")
        script.chmod(0o755)
        return script


class AppsPlugin(Peer):
    """netdata's plugin by itself: it writes what it saw, once in an interval."""
    NAME = "netdata's apps.plugin"
    DEFAULT_S = 1

    def start(self, pids):
        os.rename(self.place.configure("netdata_groups.conf", COMM=comm_of(pids[0])), self.place.folder / "apps_groups.conf")
        command = [self.place.program("usr/lib/netdata/plugins.d/apps.plugin"), str(self.interval_s)]
        folder = str(self.place.folder)
        # Where its standard input ends, it ends.
        program = self.spawn(command, stdin=subprocess.PIPE, env={
            **self.place.environment(), "NETDATA_USER_CONFIG_DIR": folder, "NETDATA_STOCK_CONFIG_DIR": folder})
        log = self.log_of(command)
        wait_until(lambda: "BEGIN apps.files" in log.read_text(errors="replace"), "it had data", program)
