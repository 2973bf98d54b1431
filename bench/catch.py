#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is caught: a program makes excursions over 80 % of its limit of open files; who sees them, and how late? brink with
each of its engines, and programs that people use for it, each at its default interval and at its fastest.

usage: catch.py [--peers NAME[,NAME...]] [--excursions N] [--kernel K]

Names are brink, monit, collectd, prometheus, netdata, nagios, and guest: brink's engine `kernel`, auditd and bpftrace,
in a guest with kernel K (6.12). All unless said. N excursions of each kind; 400 unless said. A peer that does not run
here is left out, and said so. The figures go to build/bench/catch.jsonl, from where bench/report.py takes them. What was
measured before and is not measured again stays there. Environment: BRINK_BENCH_BUILD.
"""
import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import guest_catch
import setting
from contenders import PEERS, chosen, unknown
from peers.program import NotHere, Place
from score import read_alarms, score
from work import PHASES, Excursions


def groups(names):
    """Those of a group watch the same excursions. At their default intervals the peers take part at once, which keeps them
    from nothing; at its fastest each has them for itself, and so has brink."""
    everyone = chosen(names, alarms=True)
    defaults = [contender for contender in everyone if contender.default]
    alone = [[contender] for contender in everyone if not contender.default]
    return alone + ([defaults] if defaults else [])


def start_all(group, folder, root, pid):
    """Those that are at work, by the name of their alarms; the others are said."""
    at_work = {}
    for index, contender in enumerate(group):
        place = Place(root, folder / f"peer{index}", [folder / "alert", folder / "alarms", f"peer{index}"])
        place.folder.mkdir(mode=0o755)
        peer = contender.make(place)
        try:
            peer.start([pid])
            at_work[f"peer{index}"] = (contender, peer)
        except NotHere as error:
            peer.stop()
            print(f"left out: {contender.who}, {contender.interval}: {error}", file=sys.stderr)
    return at_work


def measure(group, root, times, write, phases=tuple(PHASES)):
    with tempfile.TemporaryDirectory(prefix="brink-catch.") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(setting.BUILD / "bench" / "alert", folder / "alert")  # where every user may run it
        alarms = folder / "alarms"
        alarms.touch()
        alarms.chmod(0o666)  # collectd raises them as another user
        excursions = Excursions(setting.BUILD / "bench" / "excursions", folder)
        at_work = {}
        try:
            at_work = start_all(group, folder, root, excursions.pid)
            for phase in phases if at_work else ():
                alarms.write_text("")
                made = excursions.run(phase, times)
                for name, (contender, peer) in at_work.items():
                    peer.settle()
                    result = score(made, read_alarms(alarms.read_text(), name))
                    write({"case": "catch", "who": contender.who, "interval": contender.interval, "phase": phase.name,
                           "interval_s": peer.interval_s, **result})
        finally:
            for _, peer in at_work.values():
                peer.stop()
            excursions.end()


def progress(figure):
    late = f", {figure['late_ms']['median']:.2f} ms late" if figure["late_ms"] else ""
    print(f"{figure['who']}, {figure['interval']}: {figure['phase']}: {figure['seen']} of {figure['excursions']}{late}",
          flush=True)


def main(arguments):
    names = arguments.peers.split(",")
    wrong = unknown(names, ["brink", *PEERS, "guest"])
    if wrong:
        sys.exit(f"catch.py: {wrong}")
    peers = setting.peers_folder()
    with setting.Figures("catch", ("who", "interval", "phase"), peers=setting.versions(peers)) as figures:
        def write(figure):
            figures.write(figure)
            progress(figure)

        for group in groups(names):
            measure(group, peers / "root", arguments.excursions, write)
        if "guest" in names:
            guest_catch.measure(arguments.kernel, peers / "root", arguments.excursions, write)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--peers", default=",".join(["brink", *PEERS, "guest"]))
    parser.add_argument("--excursions", type=setting.number, default=400)
    parser.add_argument("--kernel", default="6.12")
    main(parser.parse_args())
