# SPDX-License-Identifier: Apache-2.0
"""brink itself, with one of its engines."""
import re
import subprocess

from .program import NotHere, Peer, wait_until


class Brink(Peer):
    NAME = "brink"
    BEFORE_BIRTH = True

    def __init__(self, place, binary, engine, interval_s=None, level="80%", most_subjects=4096, read_by_alert=False, events=None):
        """read_by_alert: its events go to the alarm's program, which runs already; else it starts one for each. `events`: a
        file where they go instead."""
        super().__init__(place, interval_s)
        self.binary = binary
        self.engine = engine
        self.most_subjects = most_subjects
        self.read_by_alert = read_by_alert
        self.level = level
        self.events = events

    def start(self, pids):
        """Watches the first of them; children that are born from now on are watched as well."""
        alert = " ".join(self.place.alert)
        command = [self.binary, "watch", "--engine", self.engine, "--pid", str(pids[0]), "-w", f"nofile={self.level}",
                   "--max-subjects", str(self.most_subjects)]
        if self.read_by_alert:
            command += ["-o", "json"]
        elif self.events:
            command += ["-o", "json", "--events", self.events]
        elif alert:
            command += ["--on", f"{self.level}=exec:{alert}"]
        if self.interval_s:
            command += ["--poll-interval", f"{round(self.interval_s * 1000)}ms,{round(self.interval_s * 1000)}ms"]
        log = self.log_of(command)
        with open(log, "wb") as errors:
            program = self.spawn(command, stdout=subprocess.PIPE if self.read_by_alert else subprocess.DEVNULL, stderr=errors)
        if self.read_by_alert:
            self.spawn([*self.place.alert, "--each-line", '"direction":"up"'], stdin=program.stdout)
            program.stdout.close()
        try:
            wait_until(lambda: "brink: watching" in log.read_text(), "it said that it is watching", program)
        except NotHere as error:
            said = log.read_text().strip().splitlines()
            raise NotHere(said[0] if said else str(error)) from error

    def map_bytes(self):
        """The kernel memory of its maps, which the kernel says for each descriptor of one."""
        of_map = {}
        for program in self.programs:
            text = subprocess.run(["sh", "-c", f"cat /proc/{program.pid}/fdinfo/*"], capture_output=True, text=True,
                                  check=False).stdout
            for block in re.split(r"(?m)^pos:", text):
                fields = dict(re.findall(r"(?m)^(\w+):\s+(\d+)", block))
                if "map_type" in fields:
                    of_map[fields["map_id"]] = int(fields["memlock"])
        return sum(of_map.values())


def comm_of(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
        return file.read().strip()
