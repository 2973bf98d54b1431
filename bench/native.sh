#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What brink takes on this machine, with the engine that it picks here: the time to start, what others
# pay, whether it is woken while nothing happens, the kernel memory of its maps. Times are this
# machine's. Needs root. The figures go to build/bench/native.jsonl, from where bench/report.py takes
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
readonly processes=1000 idle_s=60

# The JSON lines of standard input, as those of case $1.
case_of() { sed "s/^{/{\"case\": \"$1\", /"; }

setup() {
    local engine
    # It says so when it is at work; the process is this one.
    engine=$({ timeout 2 "$brink" watch -w nofile=100% --pid $$ 2>&1 >/dev/null || true; } |
        sed -n 's/^brink: watching .* with engine \([a-z]*\).*/\1/p')
    [[ $engine ]] || die "brink does not start here; '$brink doctor' says why"
    printf '{"case": "setup", "version": "%s", "engine": "%s", "processor": "%s", ' \
        "$(uname -r | cut -d- -f1)" "$engine" \
        "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)"
    printf '"brink": "%s", "date": "%s"}\n' "$(bench/commit.sh)" "$(date -u +%F)"
}

# Another process is watched: what the loops lose, everyone loses.
loops() {
    "$build/bench/loops" "$@" --armed 'brink: watching' -- \
        "$brink" watch -w nofile=100% --pid '{other}'
}

# Of all threads of process $1.
context_switches() {
    cat /proc/"$1"/task/*/status | awk '/ctxt_switches:/ { n += $2 } END { print n }'
}

# The kernel says for each descriptor of a map what the map takes.
map_bytes() {
    cat /proc/"$1"/fdinfo/* | awk '
        /^map_type:/ { map = 1 }
        /^memlock:/ { bytes = $2 }
        /^map_id:/ { if (map) of[$2] = bytes; map = 0 }
        END { for (id in of) n += of[id]; print n + 0 }'
}

# While so many processes are watched and none does anything.
idle() {
    local line input before after=''
    coproc watched { exec "$brink" run -w nofile=50,60% --events /dev/null -- \
        "$build/tests/live/work/forker" "$processes" --gate; }
    while read -r line <&"${watched[0]}" && [[ $line != *ready* ]]; do :; done
    echo >&"${watched[1]}"
    while read -r line <&"${watched[0]}" && [[ $line != *" alive,"* ]]; do :; done
    # shellcheck disable=SC2154 # coproc sets it
    before=$(context_switches "$watched_PID")
    until [[ $before == "$after" ]]; do # it has come to rest after the start
        after=$before
        sleep 1
        before=$(context_switches "$watched_PID")
    done
    sleep "$idle_s"
    after=$(context_switches "$watched_PID")
    printf '{"case": "idle", "processes": %d, "seconds": %d, "switches": %d, "map_bytes": %d}\n' \
        "$processes" "$idle_s" $((after - before)) "$(map_bytes "$watched_PID")"
    input=${watched[1]}
    exec {input}>&- # its end lets the processes go on, and end
    wait "$watched_PID"
}

main() {
    ((EUID == 0)) || die "needs root"
    mkdir -p "$out"
    {
        setup
        loops --startup | case_of startup
        loops --loops open_close,null_syscall --alternations 21 | case_of attached
        idle
    } >"$out/native.new"
    mv "$out/native.new" "$out/native.jsonl"
}

main "$@"
