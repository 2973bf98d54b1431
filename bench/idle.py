#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What watching costs while nothing happens: CPU time, wake-ups and memory of brink and of programs that people use for
it, with so many idle processes watched.

usage: idle.py [--peers NAME[,NAME...]] [--processes N[,N...]] [--seconds S] [--rounds N]

Names are brink, monit, collectd, prometheus, netdata and nagios; each at its default interval and at its fastest. All
unless said; 200, 2000 and 10000 processes, 3 rounds of 30 s. Where the interval is longer, one round of one interval. A
peer that does not run here is left out, and said so. The figures go to build/bench/idle.jsonl, from where bench/report.py
takes them; what is not measured again stays there. Environment: BRINK_BENCH_BUILD.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import setting
from contenders import PEERS, chosen, unknown
from peers.program import NotHere, Place, end_with_parent

MIB = 1 << 20
REST_S = 5  # after a peer has come to work


class Processes:
    """So many idle children of one process, all of one name. Watch `parent` before they are born, or `pids()` after."""

    def __init__(self, count):
        self.count = count
        self.process = subprocess.Popen([setting.BUILD / "tests/live/work/forker", str(count), "--gate"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
        self.until("ready")
        self.parent = self.process.pid

    def until(self, word):
        for line in self.process.stdout:
            if word in line:
                return
        raise RuntimeError(f"forker ended before it said '{word}'")

    def give_birth(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.until(f"{self.count} alive")
        self.until("ready")

    def pids(self):
        return [int(pid) for pid in Path(f"/proc/{self.parent}/task/{self.parent}/children").read_text().split()]

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def cpu_s(pid):
    """Of the process and of those of its children that have ended and were waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def wake_ups(pid):
    """Times that one of its threads was given a processor. Those of children that have ended are not known any more."""
    return sum(int(number) for task in Path(f"/proc/{pid}/task").iterdir()
               for number in re.findall(r"ctxt_switches:\s+(\d+)", (task / "status").read_text()))


def memory_mib(pid, what):
    return int(re.search(rf"(?m)^{what}:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text())[1]) * 1024 / MIB


def over(pids, measure):
    """The sum over the processes; one that ended meanwhile has none."""
    total = 0
    for pid in pids:
        try:
            total += measure(pid)
        except OSError:
            pass
    return total


def one_round(peer, seconds):
    """A minute's worth, from what so many seconds took."""
    before = over(peer.pids(), cpu_s), over(peer.pids(), wake_ups)
    begin = time.monotonic()
    time.sleep(seconds)
    pids = peer.pids()
    minutes = (time.monotonic() - begin) / 60
    return {"cpu_s": round((over(pids, cpu_s) - before[0]) / minutes, 4),
            "wake_ups": round((over(pids, wake_ups) - before[1]) / minutes),
            "pss_mib": round(over(pids, lambda pid: memory_mib(pid, "Pss")), 2),
            "rss_mib": round(over(pids, lambda pid: memory_mib(pid, "Rss")), 2)}


def measure(contender, root, count, seconds, rounds):
    """The figure, or NotHere."""
    with tempfile.TemporaryDirectory(prefix="brink-idle.") as name:
        folder = Path(name)
        folder.chmod(0o755)
        place = Place(root, folder, [setting.BUILD / "bench" / "alert", folder / "alarms", "idle"])
        processes = Processes(count)
        peer = contender.make(place)
        try:
            if peer.BEFORE_BIRTH:
                peer.most_subjects = count + 64
                peer.start([processes.parent])
                processes.give_birth()
            else:
                processes.give_birth()
                peer.start(processes.pids())
            interval = peer.interval_s or 0
            time.sleep(max(REST_S, min(interval, seconds)))
            taken = [one_round(peer, max(seconds, interval)) for _ in range(rounds if interval <= seconds else 1)]
            maps = {"map_bytes": peer.map_bytes()} if hasattr(peer, "map_bytes") else {}
            return {"case": "idle", "who": contender.who, "interval": contender.interval, "processes": count,
                    "seconds": max(seconds, interval), "each_process": peer.EACH_PROCESS, "rounds": taken, **maps}
        finally:
            peer.stop()
            processes.end()


def main(arguments):
    names = arguments.peers.split(",")
    wrong = unknown(names, ["brink", *PEERS])
    if wrong:
        sys.exit(f"idle.py: {wrong}")
    peers = setting.peers_folder()
    with setting.Figures("idle", ("who", "interval", "processes"), peers=setting.versions(peers)) as figures:
        for count in arguments.processes:
            for contender in chosen(names, alarms=False):
                where = f"{contender.who}, {contender.interval}, {count} processes"
                try:
                    figure = measure(contender, peers / "root", count, arguments.seconds, arguments.rounds)
                except NotHere as error:
                    print(f"left out: {where}: {error}", file=sys.stderr)
                    continue
                figures.write(figure)
                print(f"{where}: {figure['rounds'][0]}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--peers", default=",".join(["brink", *PEERS]))
    parser.add_argument("--processes", type=setting.numbers, default=[200, 2000, 10000])
    parser.add_argument("--seconds", type=setting.number, default=30)
    parser.add_argument("--rounds", type=setting.number, default=3)
    main(parser.parse_args())
