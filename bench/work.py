# SPDX-License-Identifier: Apache-2.0
"""The excursions that the peers are to see: bench/excursions, its phases, and what came of them."""
import subprocess
import time
from typing import NamedTuple

from peers.program import end_with_parent
from score import read_excursions


class Phase(NamedTuple):
    """Pauses are longer than the interval after which most peers have said what they saw, so that an alarm is not taken
    for one of the next excursion; and they vary, so that no peer keeps step."""
    name: str
    opens: int
    hold_us: int
    shortest_pause_us: int
    longest_pause_us: int
    refused: bool = False

    def line(self, times):
        return (f"{times} {self.opens} {self.hold_us} {self.shortest_pause_us} {self.longest_pause_us}" +
                (" refused" if self.refused else ""))


PHASES = [
    Phase("250 ms", 12, 250_000, 500_000, 1_000_000),
    Phase("1 ms", 12, 1_000, 150_000, 250_000),
    Phase("three opens, three closes", 3, 0, 150_000, 250_000),
]
# For peers that speak of refusals only. The last of the phases, where it is run at all.
REFUSED = Phase("up to the limit, and refused", 22, 1_000, 150_000, 250_000, True)
GRACE_S = 2  # for alarms that are still on their way


class Excursions:
    """The process that makes them. REQUIRES: `folder` is empty."""

    def __init__(self, binary, folder):
        files = folder / "files"
        files.mkdir()
        self.times = folder / "times"
        self.process = subprocess.Popen([binary, "--files", files, "--times", self.times], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
        self.pid = int(self.answer("ready").split()[1])
        self.done = 0

    def answer(self, word):
        line = self.process.stdout.readline()
        if not line.startswith(word):
            raise RuntimeError(f"excursions said '{line.strip()}' instead of '{word}'")
        return line

    def run(self, phase, times):
        """Returns when they are made and the grace is over: what was made."""
        self.process.stdin.write(phase.line(times) + "\n")
        self.process.stdin.flush()
        self.answer("done")
        time.sleep(GRACE_S)
        made = read_excursions(self.times.read_text())[self.done:]
        self.done += len(made)
        return made

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
