# SPDX-License-Identifier: Apache-2.0
"""What the parts of the benchmark have in common: which build is measured, on what, the numbers of their command lines, and
the file of their figures."""
import argparse
import json
import os
import platform
import subprocess
import time
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
BUILD = (TREE / os.environ.get("BRINK_BENCH_BUILD", "build/release")).resolve()
BRINK = str(BUILD / "app" / "brink" / "brink")
FIGURES = TREE / "build" / "bench"


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def peers_folder():
    return Path(output_of(TREE / "bench" / "peers.sh"))


def versions(peers):
    return (peers / "versions").read_text().splitlines()


def machine():
    processor = next(line.split(": ")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                     if line.startswith("model name"))
    return {"version": platform.release().split("-")[0], "processor": processor, "processors": os.cpu_count(),
            "brink": output_of(TREE / "bench" / "commit.sh"), "date": time.strftime("%Y-%m-%d", time.gmtime())}


def number(text, least=1):
    """An option's value, for argparse."""
    if not text.isdigit() or int(text) < least:
        raise argparse.ArgumentTypeError(f"'{text}': a whole number of at least {least} is wanted")
    return int(text)


def number_or_none(text):
    return number(text, 0)


def numbers(text):
    """Of an option that takes several, separated by commas."""
    return [number(part) for part in text.split(",")]


class Figures:
    """build/bench/PART.jsonl: the setup, then a figure a line. What is written takes the place of what has the same
    values in the fields `key`; all else that was there stays, with the setup under which it was measured."""

    def __init__(self, part, key, folder=FIGURES, **more):
        self.path = folder / f"{part}.jsonl"
        self.key = key
        self.setup = {"case": "setup", **machine(), **more}
        self.figures = {}

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            for line in self.path.read_text().splitlines()[1:]:
                self.keep(json.loads(line))
        return self

    def keep(self, figure):
        self.figures[tuple(figure.get(name) for name in self.key)] = figure

    def write(self, figure):
        """On disk at once: a run that is interrupted keeps what it has."""
        self.keep({**figure, "brink": self.setup["brink"], "date": self.setup["date"]})
        new = self.path.with_suffix(".new")
        new.write_text("".join(json.dumps(line) + "\n" for line in [self.setup, *self.figures.values()]))
        new.rename(self.path)

    def __exit__(self, *_):
        pass
