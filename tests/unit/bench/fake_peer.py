#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A peer of which it is known what it sees: reads along in the file of times, and raises an alarm for every second
excursion, a fixed time after its crossing. Says how many it has read.

usage: fake_peer.py TIMES ALARMS NAME LATE_MS
"""
import sys
import time


def main(times, alarms, name, late_ms):
    print("read 0", flush=True)
    number = 0
    with open(times, encoding="ascii") as lines, open(alarms, "a", encoding="ascii") as out:
        while True:
            for line in lines:
                number += 1
                if number % 2 == 0:
                    print(name, int(line.split()[0]) + round(float(late_ms) * 1e6), file=out, flush=True)
                print("read", number, flush=True)
            time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
