# SPDX-License-Identifier: Apache-2.0
"""What the tests of outputs share: a history, a brink-relay beside it, and the real programs that it delivers to.

A test gets the built programs through the environment: BRINK, BRINKD, BRINK_RELAY, WRITE_HISTORY. Everything it starts has a folder and
ports of its own, and is ended by pid.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PATIENCE_S = 60  # a safety net: nothing is asserted on how long something takes

EVENT = {
    "type": "crossing", "time": "2026-11-20T09:30:00.123456789Z", "monotonic_ns": 81234567890, "seq": 17,
    "resource": "nofile", "scope": "process", "direction": "up", "level": 820, "level_as": "80%", "usage": 820,
    "limit": 1024, "limit_hard": 4096, "unit": "1", "pid": 1234, "tid": 1234, "ppid": 1, "start_time": 7934,
    "comm": "leaky", "exe": "/usr/bin/leaky", "uid": 1000, "cgroup": "/system.slice/leaky.service",
    "unit_name": "leaky.service", "engine": "kernel", "watch": 3, "host": "web1",
    "boot_id": "0b2c5a3e-1f0d-4c7a-9a59-3f1d2e4b5c6d",
}

# Loopback is never reached through a proxy.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}


def event(**changes):
    """The event above with other fields; None leaves one out."""
    changed = {**EVENT, **changes}
    return {key: value for key, value in changed.items() if value is not None or key == "limit"}


def lost(count):
    """The event that says so many are missing."""
    return {"type": "lost", "lost": count, **{name: EVENT[name] for name in ("time", "monotonic_ns", "seq", "engine", "host", "boot_id")}}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(*names):
    """The path of the first of `names` that is installed: /usr/sbin is looked into as well."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise FileNotFoundError(f"{names[0]} is not installed: see packaging/debian-packages.txt")


def wait_for(what, condition):
    """Whatever true thing `condition` gives, as soon as it gives one."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"{what} has not come about in {PATIENCE_S} s")


def answers(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


class OutputTest(unittest.TestCase):
    """A folder, a history and a relay for each test."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="brink-sinks-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.history = self.folder / "events.db"
        self.control = self.folder / "control"
        self.relay = None
        self.write("events written before")  # of none: the file is there

    # --- programs

    def start(self, *command, **options):
        """Starts a program, which is ended with the test; its output is in NAME.log of the folder."""
        log = (self.folder / f"{pathlib.Path(command[0]).name}.log").open("ab")
        self.addCleanup(log.close)
        settings = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "env": ENVIRONMENT,
                    "cwd": self.folder, **options}
        process = subprocess.Popen([str(word) for word in command], **settings)
        self.addCleanup(self.stop, process)
        return process

    def start_listening(self, port, *command, **options):
        process = self.start(*command, **options)
        wait_for(f"{command[0]} on port {port}", lambda: answers(port) or self.ended(process))
        return process

    def ended(self, process):
        if process.poll() is not None:
            name = pathlib.Path(process.args[0]).name
            raise AssertionError(f"{name} ended with {process.returncode}: {self.log(name)[-2000:]}")
        return False

    def stop(self, process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def file(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    # --- history and relay

    def write(self, *events):
        """Appends events to the history; a number N leaves N numbers out."""
        lines = [str(one) if isinstance(one, int) else json.dumps(one, separators=(",", ":"))
                 for one in events if not isinstance(one, str)]
        subprocess.run([os.environ["WRITE_HISTORY"], str(self.history)], input="\n".join(lines), text=True, check=True)

    def configure(self, text):
        """The configuration: `text` is what stands in [output.it]."""
        head = f'history = "{self.history}"\nstate = "{self.folder}/state"\ncontrol = "{self.control}"\n'
        return self.file("relay.toml", f"{head}[output.it]\n{text}\n")

    def start_relay(self, text=None):
        if text is not None:
            self.configure(text)
        self.relay = self.start(os.environ["BRINK_RELAY"], "-c", self.folder / "relay.toml")
        wait_for("the relay's socket", lambda: self.control.exists() or self.ended(self.relay))
        return self.relay

    def stop_relay(self):
        self.stop(self.relay)
        self.assertEqual(self.relay.returncode, 0)

    def newest(self):
        bell = pathlib.Path(f"{self.history}.bell")
        return int.from_bytes(bell.read_bytes()[:8], sys.byteorder) if bell.exists() else 0

    def ask(self, question):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.control))
            connection.sendall(question.encode() + b"\n")
            return json.loads(connection.makefile().readline())

    def state(self, name="it"):
        try:
            return next(one for one in self.ask("status")["outputs"] if one["name"] == name)
        except (OSError, StopIteration):
            self.ended(self.relay)
            return {"cursor": -1, "delivered": 0, "behind": 0}

    def wait_until_delivered(self, number=None):
        number = number or self.newest()
        try:
            return wait_for(f"entry {number}", lambda: (state := self.state())["cursor"] >= number and state)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.state()}") from None


def main():
    unittest.main(verbosity=1)
