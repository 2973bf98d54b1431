#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What observing wake-ups does to them: the same cyclictest with and without brink, side by side, in a guest; and the guest
# instructions that a wake-up takes more.
#
#   bench/latency.sh [KERNEL...]     6.1-rt, 6.1, 6.12, 7.2 unless said
#
# Prints the figures of docs/latency.md; the consoles are in build/log. Environment: BRINK_BENCH_BUILD as for
# bench/cost.sh, BRINK_LATENCY_TURNS (3) and BRINK_LATENCY_LOOPS (1000) of cyclictest.

set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

# shellcheck source=tests/step.sh
source tests/step.sh

readonly build=${BRINK_BENCH_BUILD:-build/release}

guest() {
    local kernel=$1 name=$2
    shift 2
    tests/vm/guest.sh "$kernel" --timeout 900 --log "$log_dir/latency-$kernel-$name.console" \
        --add "$build/app/brink/brink" "$@"
}

# Medians over the turns, of the figures that cyclictest gives.
turns() {
    guest "$1" turns --add /usr/bin/cyclictest --add bench/latency_cases.sh \
        --env TURNS="${BRINK_LATENCY_TURNS:-3}" --env LOOPS="${BRINK_LATENCY_LOOPS:-1000}" \
        -- sh /usr/bin/latency_cases.sh |
        awk '/^(alone|watched|all_watched) [0-9]/ { print $1, $2, $3, $4 }' | sort -k 1,1 -k 2,2n |
        awk '{ if ($1 != name) flush(); name = $1; median[++n] = $2; p99[n] = $3; if ($4 > max) max = $4 }
             END { flush() }
             function flush() {
                 if (n) printf "  %-12s median %d us, 99 %% %d us, max %d us\n", name, median[int((n + 1) / 2)],
                               p99[int((n + 1) / 2)], max
                 n = max = 0
             }'
}

# One instruction is one nanosecond.
instructions() {
    # shellcheck disable=SC2016 # for the shell in the guest
    guest "$1" instructions --icount --add "$build/bench/loops" -- sh -c '
        for who in self other; do
            echo "$who $(loops --loops wakeup_pair --alternations 5 --milliseconds 20 --armed "brink: watching" -- \
                brink watch -w wakeup_latency=1s --pid "{$who}")"
        done' | sed -n 's/^\(self\|other\) {/{"who": "\1", /p' |
        python3 -c '
import json, statistics, sys
for line in map(json.loads, sys.stdin):
    pairs = list(zip(line["without"], line["with"]))
    print("  {}: {:.0f} instructions a wake-up and switch, {:+.0f} ({:.3f})".format(
        "watched" if line["who"] == "self" else "another watched",
        statistics.median(a for a, _ in pairs) / 2, statistics.median(b - a for a, b in pairs) / 2,
        statistics.median(b / a for a, b in pairs)))'
}

main() {
    local kernel kernels=("$@")
    ((${#kernels[@]})) || kernels=(6.1-rt 6.1 6.12 7.2)
    mkdir -p "$log_dir"
    for kernel in "${kernels[@]}"; do
        echo "$kernel"
        turns "$kernel"
        instructions "$kernel"
    done
}

main "$@"
