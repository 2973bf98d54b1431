# SPDX-License-Identifier: Apache-2.0
"""A program that watches processes, as the benchmark starts, observes and ends it. A peer may be several processes
(Prometheus and its exporter); all that they have started counts as theirs."""
import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE_S = 120
PR_SET_PDEATHSIG = 1


class NotHere(Exception):
    """This peer cannot run on this machine; the text says why."""


class Place:
    """Where a peer works: the files of the peers' packages (`root`), a folder of its own, and the command that raises
    its alarm, to which a peer may append arguments."""

    def __init__(self, root, folder, alert):
        self.root = Path(root)
        self.folder = Path(folder)
        self.alert = [str(word) for word in alert]

    def program(self, *names):
        for name in names:
            if (self.root / name).exists():
                return str(self.root / name)
        raise NotHere(f"there is no {names[0]} in {self.root}")

    def environment(self):
        folders = [str(self.root / path / "x86_64-linux-gnu") for path in ("usr/lib", "lib")]
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders), "LC_ALL": "C"}

    def configure(self, template, **values):
        """Writes a configuration: the file of this name beside this one, with each @NAME@ replaced."""
        text = (HERE / template).read_text(encoding="utf-8")
        values = {"FOLDER": self.folder, "ROOT": self.root, "ALERT": " ".join(self.alert), **values}
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        path = self.folder / template
        path.write_text(text, encoding="utf-8")
        return str(path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, program=None, seconds=PATIENCE_S):
    """Until it is so; NotHere if the program ends before, or time runs out."""
    end = time.monotonic() + seconds
    while not condition():
        if program is not None and program.poll() is not None:
            raise NotHere(f"it ended with status {program.returncode} before {what}")
        if time.monotonic() > end:
            raise NotHere(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def children_of(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += [int(child) for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:
        pass  # it has ended
    return found


def family(pid):
    """The process and its descendants."""
    return [pid] + [member for child in children_of(pid) for member in family(child)]


class Peer:
    """One peer at one setting. start() returns when it is at work, or raises NotHere; stop() ends all of it."""

    NAME = ""  # as the tables call it
    DEFAULT_S = None  # its interval unless it is told another; None: it has no interval
    FASTEST_S = None  # the shortest that it can be told
    BEFORE_BIRTH = False  # whether it watches a process and, from then on, its children, instead of each by its number
    EACH_PROCESS = True  # whether it tells one process from another where many are watched

    def __init__(self, place, interval_s=None):
        self.place = place
        self.interval_s = interval_s if interval_s is not None else self.DEFAULT_S
        self.programs = []

    def spawn(self, command, **options):
        """Starts one of its processes; what it says goes to a log in its folder."""
        log = self.log_of(command)
        with open(log, "ab") as out:
            program = subprocess.Popen([str(word) for word in command], cwd=self.place.folder,
                                       **{"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out,
                                          "env": self.place.environment(), "preexec_fn": end_with_parent, **options})
        self.programs.append(program)
        return program

    def log_of(self, command):
        return self.place.folder / (Path(str(command[0])).name + ".log")

    def start(self, pids):
        """Watches the processes `pids`, all of which have the same name."""
        raise NotImplementedError

    def settle(self):
        """Returns when it has raised what it has to raise, for a peer of which that is known; time is given to all."""

    def pids(self):
        """Of all of its processes now. Those of the processes that it watches are not among them."""
        return [member for program in self.programs for member in family(program.pid)]

    def stop(self):
        members = self.pids()
        for program in self.programs:
            program.terminate()
        for program in self.programs:
            try:
                program.wait(20)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
        for member in members:  # a helper that outlived it
            if is_of(member, self.place.folder):
                os.kill(member, signal.SIGKILL)
        self.programs = []


def is_of(pid, folder):
    """Whether the process works in this folder: a number that was given to another does not."""
    try:
        return os.path.realpath(f"/proc/{pid}/cwd").startswith(os.path.realpath(folder))
    except OSError:
        return False


def end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
