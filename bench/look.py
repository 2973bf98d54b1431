#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What one look at every process costs: CPU time of `brink limits` and of programs that people use for it, on the same
idle processes, in turns. The figures go to build/bench/look.jsonl, from where bench/report.py takes them.

usage: look.py PEERS [NUMBER OF PROCESSES...]

PEERS is the folder of bench/peers.sh. One that does not run here is left out, and said so. Environment: BRINK_BENCH_BUILD.
"""
import ctypes
import json
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("BRINK_BENCH_BUILD", TREE / "build" / "release"))
BRINK = str(BUILD / "app" / "brink" / "brink")
OUT = TREE / "build" / "bench"
ROUNDS = 7
BUT_MAPS = "as,cpu,data,memlock,nofile,rss,stack,threads"
PR_SET_PDEATHSIG = 1


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
    """A program that goes on: the CPU time of its process over several looks. While others look it is stopped."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)

    def cpu_ms(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def look(self):
        self.process.send_signal(signal.SIGCONT)
        self.settle()
        before = self.cpu_ms()
        self.looks()
        after = self.cpu_ms()
        self.process.send_signal(signal.SIGSTOP)
        return (after - before) / self.LOOKS

    def settle(self):
        pass

    def end(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait()


class ProcessExporter(Daemon):
    LOOKS = 3

    def __init__(self, root, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        config = folder / "exporter.yml"
        config.write_text("process_names:\n  - name: '{{.PID}}'\n    cmdline: ['.+']\n")
        super().__init__([str(root / "usr/bin/prometheus-process-exporter"), "-config.path", str(config),
                          "-web.listen-address", self.address, "-threads=false"])
        for _ in range(600):
            try:
                self.get()
                return
            except OSError:
                time.sleep(0.1)
        self.end()
        raise OSError("it does not answer")

    def get(self):
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=60) as answer:
            answer.read()

    def looks(self):
        for _ in range(self.LOOKS):
            self.get()


class Collectd(Daemon):
    LOOKS = 3

    def __init__(self, root, folder, interval_s):
        self.interval_s = interval_s
        data = folder / "collectd"
        config = folder / "collectd.conf"
        config.write_text(f"""BaseDir "{data}"
PIDFile "{folder}/collectd.pid"
PluginDir "{root}/usr/lib/collectd"
TypesDB "{root}/usr/share/collectd/types.db"
Interval {interval_s}
LoadPlugin processes
LoadPlugin csv
<Plugin processes>
  CollectFileDescriptor true
  ProcessMatch "all" ".*"
</Plugin>
<Plugin csv>
  DataDir "{data}"
</Plugin>
""")
        libraries = str(next(root.glob("usr/lib/*/libltdl.so.7")).parent)
        super().__init__([str(root / "usr/sbin/collectd"), "-f", "-C", str(config)],
                         {**os.environ, "LD_LIBRARY_PATH": libraries})
        time.sleep(2 * interval_s)
        if self.process.poll() is not None or self.cpu_ms() == 0:
            self.end()
            raise OSError("it does not run")

    def settle(self):  # what it has missed while it was stopped
        time.sleep(self.interval_s)

    def looks(self):
        time.sleep(self.LOOKS * self.interval_s)


def contenders(root, folder, count):
    """Who looks: name, and how to start it."""
    def limits(*arguments):
        return lambda: Once(BRINK, "limits", *arguments, "-n", "20")

    return [
        ("brink limits, open files", limits("--engine", "poll", "-r", "nofile")),
        ("brink limits, all resources of processes but maps", limits("--engine", "poll", "-r", BUT_MAPS)),
        ("the same, task iterator", limits("--engine", "kernel", "-r", BUT_MAPS)),
        ("brink limits, everything", limits("--engine", "poll")),
        ("the same, task iterator", limits("--engine", "kernel")),
        ("pidstat -v: open files and threads", lambda: Once(str(root / "usr/bin/pidstat"), "-v")),
        ("process-exporter: a scrape", lambda: ProcessExporter(root, folder)),
        ("collectd, plugin processes: a cycle", lambda: Collectd(root, folder, 2 if count > 5000 else 1)),
    ]


def idle_process():
    child = os.fork()
    if child:
        return child
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    while True:
        signal.pause()


def measure(root, count, write):
    children = [idle_process() for _ in range(count)]
    at_work = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for row, (who, start) in enumerate(contenders(root, Path(folder), count)):
                looker = None
                try:
                    looker = start()
                    looker.look()  # warm
                    at_work.append((row, who, looker, []))
                except (OSError, HTTPException, subprocess.SubprocessError, StopIteration) as error:
                    if looker:
                        looker.end()
                    print(f"left out: {who}: {error}", file=sys.stderr)
            for _ in range(ROUNDS):
                for _, _, looker, figures in at_work:
                    figures.append(round(looker.look(), 1))
        finally:
            for _, _, looker, _ in at_work:
                looker.end()
            for child in children:
                os.kill(child, signal.SIGKILL)
            for child in children:
                os.waitpid(child, 0)
    for row, who, _, figures in at_work:
        write({"case": "look", "row": row, "who": who, "processes": count, "ms": figures})


def main(peers, counts):
    OUT.mkdir(parents=True, exist_ok=True)
    peers = Path(peers)
    commit = subprocess.run([TREE / "bench/commit.sh"], capture_output=True, text=True, check=True).stdout.strip()
    processor = next(line.split(": ")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                     if line.startswith("model name"))
    with open(OUT / "look.new", "w", encoding="utf-8") as out:
        def write(figures):
            print(json.dumps(figures), file=out, flush=True)

        write({"case": "setup", "version": platform.release().split("-")[0], "processor": processor, "brink": commit,
               "date": time.strftime("%Y-%m-%d", time.gmtime()), "peers": (peers / "versions").read_text().split("\n")[:-1]})
        for count in counts:
            measure(peers / "root", count, write)
            print(f"{count} processes: done")
    (OUT / "look.new").rename(OUT / "look.jsonl")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], [int(number) for number in sys.argv[2:]] or [200, 2000, 10000])
