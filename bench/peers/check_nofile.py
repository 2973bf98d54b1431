#!/usr/bin/python3 -ISs
# SPDX-License-Identifier: Apache-2.0
"""A check for Nagios: CRITICAL if a process of a name has as many open files as PERCENT of its limit, or more.

usage: check_nofile.py NAME PERCENT
"""
import os
import sys


def share(pid):
    """Of its limit, in per cent; None if it has ended or may not be looked at."""
    try:
        usage = os.stat(f"/proc/{pid}/fd").st_size or len(os.listdir(f"/proc/{pid}/fd"))  # in st_size since Linux 6.2
        with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
            soft = next(line.split()[3] for line in limits if line.startswith("Max open files"))
        return 0 if soft == "unlimited" else 100 * usage / int(soft)
    except OSError:
        return None


def named(name):
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            try:
                with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
                    if comm.read().rstrip("\n") == name:
                        yield pid
            except OSError:
                pass


def main(name, percent):
    worst, pid = max(((share(pid) or 0, pid) for pid in named(name)), default=(None, None))
    if worst is None:
        print(f"UNKNOWN: there is no process '{name}'")
        return 3
    print(f"{'CRITICAL' if worst >= percent else 'OK'}: {name}[{pid}] has {worst:.0f} % of its open files")
    return 2 if worst >= percent else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
