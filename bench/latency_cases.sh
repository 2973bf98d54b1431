#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The part of bench/latency.sh that runs in a guest, under busybox: cyclictest alone, and observed by brink, in turns.
# Prints for each run what it was and the median, 99 % and maximum of its latencies in microseconds.

set -eu

# Columns of cyclictest's histogram: microseconds, how many.
figures() {
    awk '/^[0-9]/ { n += $2; us[++rows] = $1 + 0; count[rows] = $2 }
         /^# Max Latencies/ { max = $4 + 0 }
         END {
             for (i = 1; i <= rows; i++) {
                 seen += count[i]
                 if (!median && seen * 2 >= n) median = us[i]
                 if (!p99 && seen >= n * 0.99) p99 = us[i]
             }
             printf "%d %d %d\n", median, p99, max
         }'
}

# run NAME [COMMAND...]: cyclictest behind COMMAND.
run() {
    name=$1
    shift
    "$@" cyclictest -t 1 -a 0 -p 80 -i 2500 -l "$LOOPS" -h 20000 -q -m >/tmp/histogram 2>/dev/null
    echo "$name $(figures </tmp/histogram)"
}

for _ in $(seq "$TURNS"); do
    run alone
    run watched brink run -w wakeup_latency=1s --events /tmp/events --
    brink watch --all -w wakeup_latency=1s >/tmp/out 2>/tmp/said &
    watcher=$!
    until grep -q watching /tmp/said; do sleep 1; done
    run all_watched
    kill "$watcher"
    wait "$watcher" || true
done
