# SPDX-License-Identifier: Apache-2.0
"""Who needs a kernel that allows it sees the excursions in a guest: brink's engine `kernel`, and auditd and bpftrace,
which speak of refusals and not of levels. Its clock is that of an emulated machine: figures of a guest are compared with
those of the same guest."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import setting
from score import read_alarms, read_excursions, score
from work import PHASES, REFUSED

# The name of the start function in guest_catch.sh; what the tables call it; what lateness is counted from.
PEERS = [
    ("brink", "brink, engine `kernel`", "crossing"),
    ("reader", "brink, engine `kernel`, to a reader", "crossing"),
    ("denied", "brink, engine `kernel`, refusals", "refused"),
    ("auditd", "auditd, exit=-EMFILE", "refused"),
    ("bpftrace", "bpftrace, ret == -EMFILE", "refused"),
]


def files_of_peers(root):
    programs = [root / "sbin/auditd", root / "sbin/auditctl", root / "usr/bin/bpftrace"]
    libraries = ":".join(str(root / path / "x86_64-linux-gnu") for path in ("usr/lib", "lib"))
    return [program for program in programs if program.exists()], libraries


def guest(kernel, root, phases, out):
    programs, libraries = files_of_peers(root)
    add = [setting.BRINK, setting.BUILD / "bench/excursions", setting.BUILD / "bench/alert", setting.TREE / "bench/guest_catch.sh",
           *programs, f"{setting.TREE}/bench/peers=/root/peers", f"{phases}=/root/phases"]
    command = [setting.TREE / "tests/vm/guest.sh", kernel, "--timeout", "7200", "--mem", "3072", "--out", out,
               "--log", setting.TREE / "build/log/catch-guest.console",
               "--env", f"LD_LIBRARY_PATH={libraries}", "--env", "CONFIGURATION=/root/peers", "--env", "PHASES=/root/phases",
               "--env", "GUEST_PEERS=" + " ".join(name for name, _, _ in PEERS)]
    for file in add:
        command += ["--add", file]
    # What a program needs is found with its libraries, and those lie in the guest where they lie here.
    environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
    return subprocess.run([*command, "--", "sh", "/usr/bin/guest_catch.sh"], env=environment, stdout=subprocess.DEVNULL,
                          check=False).returncode


def measure(kernel, root, times, write):
    phases = [*PHASES, REFUSED]
    with tempfile.TemporaryDirectory(prefix="brink-catch.") as name:
        folder = Path(name)
        (folder / "phases").write_text("".join(phase.line(times) + "\n" for phase in phases))
        if guest(kernel, root, folder / "phases", folder / "out"):
            print(f"left out: the guest with kernel {kernel}; its console: build/log/catch-guest.console", file=sys.stderr)
            return
        for peer, who, since in PEERS:
            for number, phase in enumerate(phases, 1):
                made = folder / "out" / f"{peer}.{number}.times"
                if not made.exists():
                    print(f"left out: {who}: it did not come to work in the guest", file=sys.stderr)
                    break
                alarms = (folder / "out" / f"{peer}.{number}.alarms").read_text()
                result = score(read_excursions(made.read_text()), read_alarms(alarms, "guest"),
                               since if phase.refused else "crossing")
                write({"case": "catch", "who": who, "interval": "none", "phase": phase.name, "guest": kernel,
                       "interval_s": None, "since": since if phase.refused else "crossing", **result})
