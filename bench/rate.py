#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How many events in a second brink passes on before the first is lost, and whether what is lost is counted right: one
process crosses a level, up and down in turn, at a growing rate, and every event is either in the output or in `lost`.

usage: rate.py [--seconds S] [--rounds N] [RATE...]

RATE is crossings a second; 0 is as fast as the process can. 10000 20000 50000 100000 200000 and 0 unless said; each for
2 s, 3 rounds. The figures go to build/bench/rate.jsonl, from where bench/report.py takes them. Environment:
BRINK_BENCH_BUILD.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import setting
from peers.brink import Brink
from peers.program import NotHere, Place, end_with_parent

LEVEL = 20
MOST_PER_SECOND = 500_000  # so many crossings are made for a second where the rate is not limited


class Crossings:
    def __init__(self, number, rate):
        self.process = subprocess.Popen([setting.BUILD / "tests/live/work/crossings", str(number), "--level", str(LEVEL), "--rate",
                                         str(rate), "--gate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=end_with_parent)
        self.pid = self.process.pid
        self.until("ready")

    def until(self, word):
        for line in self.process.stdout:
            if word in line:
                return
        raise RuntimeError(f"crossings ended before it said '{word}'")

    def step(self, word):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.until(word)

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def tally(lines):
    """Of the events: how many crossings there are, how many were lost, the nanoseconds from the first to the last, and
    whether the numbers leave out exactly as many as `lost` says, and nothing else."""
    crossings, lost, gaps, last, times = 0, 0, 0, 0, []
    for line in lines:
        event = json.loads(line)
        if event["type"] == "lost":
            lost += event["lost"]
        gaps += event["seq"] - last - 1
        last = event["seq"]
        if event["type"] == "crossing":
            crossings += 1
            times.append(event["monotonic_ns"])
    return {"received": crossings, "lost": lost, "gaps": gaps, "span_ns": max(times) - min(times) if times else 0}


def one_run(rate, seconds, binary=setting.BRINK):
    """`number` crossings were made. All of them, and the exit, are accounted for if received + lost says so."""
    number = round((rate or MOST_PER_SECOND) * seconds) // 2 * 2
    with tempfile.TemporaryDirectory(prefix="brink-rate.") as name:
        folder = Path(name)
        crossings = Crossings(number, rate)
        events = folder / "events"
        brink = Brink(Place(folder, folder, []), binary, "auto", level=str(LEVEL), events=events)
        try:
            brink.start([crossings.pid])
            crossings.step("ready")
            crossings.end()
            brink.programs[0].wait()  # it ends with the process that it watches
        finally:
            brink.stop()
        return {"made": number, **tally(events.read_text().splitlines())}


def counted_right(run):
    return run["received"] + run["lost"] in (run["made"], run["made"] + 1)  # the exit's record can be lost as well


def main(arguments):
    with setting.Figures("rate", ("rate",)) as figures:
        for rate in arguments.rates or [10_000, 20_000, 50_000, 100_000, 200_000, 0]:
            try:
                runs = [one_run(rate, arguments.seconds) for _ in range(arguments.rounds)]
            except NotHere as error:
                sys.exit(f"rate.py: brink does not watch here: {error}")
            figures.write({"case": "rate", "rate": rate, "runs": runs})
            reached = [round(run["received"] / run["span_ns"] * 1e9) if run["span_ns"] else 0 for run in runs]
            print(f"{rate or 'as fast as possible'}: received {[run['received'] for run in runs]} in {reached} a second, lost "
                  f"{[run['lost'] for run in runs]}, counted right: {all(map(counted_right, runs))}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=setting.number, default=3)
    parser.add_argument("rates", nargs="*", type=setting.number_or_none)
    main(parser.parse_args())
