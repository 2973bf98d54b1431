#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What brink takes on this machine, with the engine that it picks here: the time to start, and what others
# pay. Times are this machine's. Needs root. The figures go to build/bench/native.jsonl, from where bench/report.py takes
# them. Environment:
#
#   BRINK_BENCH_BUILD     the build that is measured; build/release if not set

set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

# shellcheck source=tests/step.sh
source tests/step.sh

readonly build=${BRINK_BENCH_BUILD:-build/release}
readonly brink=$build/app/brink/brink
readonly out=build/bench

# The JSON lines of standard input, as those of case $1.
case_of() { sed "s/^{/{\"case\": \"$1\", /"; }

setup() {
    local engine
    # It says so when it is at work; the process is this one.
    engine=$({ timeout 2 "$brink" watch -w nofile=100% --pid $$ 2>&1 >/dev/null || true; } |
        sed -n 's/^brink: watching .* with engine \([a-z]*\).*/\1/p')
    [[ $engine ]] || die "brink does not start here; '$brink doctor' says why"
    printf '{"case": "setup", "version": "%s", "engine": "%s", "processors": %d, "processor": "%s", ' \
        "$(uname -r | cut -d- -f1)" "$engine" "$(nproc)" \
        "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)"
    printf '"brink": "%s", "date": "%s"}\n' "$(bench/commit.sh)" "$(date -u +%F)"
}

# Another process is watched: what the loops lose, everyone loses.
loops() {
    "$build/bench/loops" "$@" --armed 'brink: watching' -- \
        "$brink" watch -w nofile=100% --pid '{other}'
}

# Through a daemon of its own, with the engine that is best here.
monitor() {
    local folder engine=kernel daemon
    folder=$(mktemp -d)
    grep -q '"engine": "kernel"' "$out/native.new" || engine=tracepoint
    echo "history.file = \"$folder/events.db\"" >"$folder/brink.toml"
    "$build/app/brinkd/brinkd" --config "$folder/brink.toml" --socket "$folder/brink.sock" --engine "$engine" 2>"$folder/log" &
    daemon=$!
    until grep -q '^brinkd: serving' "$folder/log"; do
        kill -0 "$daemon" 2>/dev/null || die "brinkd does not start: $(cat "$folder/log")"
        sleep 0.1
    done
    for _ in 1 2 3 4 5; do
        BRINK_SOCKET=$folder/brink.sock "$build/bench/monitor_bench"
    done
    kill "$daemon"
    wait "$daemon"
    rm -r "$folder"
}

main() {
    ((EUID == 0)) || die "needs root"
    mkdir -p "$out"
    {
        setup
        loops --startup | case_of startup
        loops --alternations 21 | case_of attached
        monitor | case_of monitor
    } >"$out/native.new"
    mv "$out/native.new" "$out/native.jsonl"
}

main "$@"
