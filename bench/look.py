#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What one look at every process costs: CPU time of `brink limits` and `brink top` and of programs that people use for it, on
the same idle processes, in turns. The figures go to build/bench/look.jsonl, from where bench/report.py takes them.

usage: look.py PEERS [NUMBER OF PROCESSES...]

PEERS is the folder of bench/peers.sh; 200 2000 10000 processes unless said. A peer that does not run here is left out, and
said so. Environment: BRINK_BENCH_BUILD.
"""
import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import setting
from idle import Processes
from peers.collectd import Collectd
from peers.monit import Monit
from peers.netdata import AppsPlugin
from peers.program import NotHere, Place
from peers.prometheus import ProcessExporter, answers

ROUNDS = 7
LOOKS = 3  # of a daemon in a round
BUT_MAPS = "as,cpu,data,memlock,nofile,rss,stack,threads"


class Once:
    """A program that looks once and ends."""

    def __init__(self, *command):
        self.command = command

    def look(self):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000

    def end(self):
        pass


class Daemon:
    """A program that goes on, in cycles: the CPU time of its process over several. While others look it is stopped."""

    def __init__(self, peer, pids):
        self.peer = peer
        try:
            peer.start(pids)
        except NotHere:
            peer.stop()
            raise

    def cpu_ms(self):
        fields = Path(f"/proc/{self.peer.programs[0].pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def look(self):
        self.signal(signal.SIGCONT)
        self.settle()
        before = self.cpu_ms()
        self.looks()
        after = self.cpu_ms()
        self.signal(signal.SIGSTOP)
        return (after - before) / LOOKS

    def signal(self, which):
        for program in self.peer.programs:
            program.send_signal(which)

    def settle(self):
        """Time for what it has missed while it was stopped."""
        time.sleep(self.peer.interval_s)

    def looks(self):
        time.sleep(LOOKS * self.peer.interval_s)

    def end(self):
        self.signal(signal.SIGCONT)
        self.peer.stop()


class Scraped(Daemon):
    """It looks when it is asked."""

    def settle(self):
        pass

    def looks(self):
        for _ in range(LOOKS):
            if not answers(f"http://127.0.0.1:{self.peer.port}/metrics"):
                raise NotHere("it does not answer any more")


def contenders(place, pids):
    """Who looks: name, and how to start it. `place` gives a folder to each."""
    cycle_s = 2 if len(pids) > 5000 else 1

    def limits(*arguments):
        return lambda: Once(setting.BRINK, "limits", *arguments, "-n", "20")

    return [
        ("brink limits, open files", limits("--engine", "poll", "-r", "nofile")),
        ("brink limits, all resources of processes but maps", limits("--engine", "poll", "-r", BUT_MAPS)),
        ("the same, task iterator", limits("--engine", "kernel", "-r", BUT_MAPS)),
        ("brink limits, everything", limits("--engine", "poll")),
        ("the same, task iterator", limits("--engine", "kernel")),
        ("brink top, open files", lambda: Once(setting.BRINK, "top", "--once", "--engine", "poll", "-r", "nofile")),
        ("brink top, everything", lambda: Once(setting.BRINK, "top", "--once", "--engine", "poll")),
        ("pidstat -v: open files and threads", lambda: Once(place("pidstat").program("usr/bin/pidstat"), "-v")),
        ("process-exporter: a scrape", lambda: Scraped(ProcessExporter(place("exporter")), pids)),
        ("collectd, plugin processes: a cycle", lambda: Daemon(Collectd(place("collectd"), cycle_s), pids)),
        ("monit: a cycle", lambda: Daemon(Monit(place("monit"), cycle_s), pids)),
        ("netdata's apps.plugin: a cycle", lambda: Daemon(AppsPlugin(place("apps"), cycle_s), pids)),
    ]


def start_all(place, pids):
    """Those that are at work, after a first look."""
    at_work = []
    for row, (who, start) in enumerate(contenders(place, pids)):
        looker = None
        try:
            looker = start()
            looker.look()
            at_work.append((row, who, looker, []))
        except (OSError, NotHere, subprocess.SubprocessError) as error:
            if looker:
                looker.end()
            print(f"left out: {who}: {error}", file=sys.stderr)
    return at_work


def measure(root, count, write):
    processes = Processes(count)
    processes.give_birth()
    at_work = []
    with tempfile.TemporaryDirectory(prefix="brink-look.") as name:
        def place(peer):
            folder = Path(name) / peer
            folder.mkdir()
            return Place(root, folder, [])
        try:
            at_work = start_all(place, processes.pids())
            for _ in range(ROUNDS):
                for _, _, looker, figures in at_work:
                    figures.append(round(looker.look(), 1))
        finally:
            for _, _, looker, _ in at_work:
                looker.end()
            processes.end()
    for row, who, _, figures in at_work:
        write({"case": "look", "row": row, "who": who, "processes": count, "ms": figures})


def main(peers, counts):
    with setting.Figures("look", ("who", "row", "processes"), peers=setting.versions(peers)) as figures:
        for count in counts:
            measure(peers / "root", count, figures.write)
            print(f"{count} processes: done", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("peers", type=Path)
    parser.add_argument("processes", nargs="*", type=setting.number, default=[200, 2000, 10000])
    arguments = parser.parse_args()
    main(arguments.peers, arguments.processes)
