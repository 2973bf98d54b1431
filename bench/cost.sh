#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What watching costs, counted in the instructions of guests with stock kernels.
#
#   bench/cost.sh [--growth] [KERNEL...]     those that tests/vm/kernels.sh knows; 6.1 6.12 7.2 unless said
#
# A guest runs every case, one after the other (bench/cost_cases.sh; with --growth, bench/growth_cases.sh); all guests
# run at once, which does not change what they count. The figures go to build/bench/cost-KERNEL.jsonl (growth-KERNEL.jsonl),
# from where bench/report.py takes them; the consoles are in build/log. Environment:
#
#   BRINK_BENCH_BUILD     the build that is measured; build/release if not set
#   BRINK_BENCH_TIMEOUT   seconds of real time for one guest; 1800 if not set
#   BRINK_BENCH_SHORT=1   one alternation of short runs: to try whether the cases run, not for figures

set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

# shellcheck source=tests/step.sh
source tests/step.sh

readonly build=${BRINK_BENCH_BUILD:-build/release}
readonly out=build/bench
if [[ ${BRINK_BENCH_SHORT:-} ]]; then
    readonly alternations=1 milliseconds=1
else
    readonly alternations=7
    readonly milliseconds=20 # of guest time, for each run of a loop
fi

# Ten thousand processes are born anew for each.
alternations_of() { if [[ $1 == growth && $alternations -gt 3 ]]; then echo 3; else echo "$alternations"; fi; }

# The line that says what was measured, and where.
setup() {
    local qemu
    qemu=$(qemu-system-x86_64 --version | sed -n '1s/.*version \([^ ]*\).*/\1/p')
    printf '{"case": "setup", "version": "%s", "qemu": "%s", "auditd": "%s", ' \
        "$(<"$folder/version")" "$qemu" "$(<"$audit/version")"
    printf '"brink": "%s", "date": "%s"}\n' "$(bench/commit.sh)" "$(date -u +%F)"
}

measure() {
    local part=$1 kernel=$2 console=$log_dir/bench-$1-$2.console start=$SECONDS name=$1-$2 folder audit
    folder=$(tests/vm/kernels.sh "$kernel")
    audit=$(bench/auditctl.sh)
    rm -rf "${out:?}/$name.out"
    tests/vm/guest.sh "$kernel" --icount --timeout "${BRINK_BENCH_TIMEOUT:-1800}" \
        --out "$out/$name.out" --log "$console" \
        --mem 4096 --disk 256 \
        --add "$build/app/brink/brink" --add "$build/bench/loops" --add "bench/${part}_cases.sh" \
        --add "$build/tests/live/work/forker" \
        --add "$audit/auditctl" --add "$audit/lib=/usr/lib/x86_64-linux-gnu" \
        --env ALTERNATIONS="$(alternations_of "$part")" --env MILLISECONDS="$milliseconds" \
        -- sh "/usr/bin/${part}_cases.sh" >/dev/null || die "kernel $kernel: failed; its console: $console"
    { setup && cat "$out/$name.out/figures"; } >"$out/$name.new"
    mv "$out/$name.new" "$out/$name.jsonl"
    rm -r "${out:?}/$name.out"
    echo "kernel $kernel: $((SECONDS - start)) s"
}

main() {
    local part=cost kernels
    if [[ ${1:-} == --one ]]; then # for below
        measure "$2" "$3"
        return
    fi
    [[ ${1:-} != --growth ]] || { part=growth && shift; }
    kernels=("$@")
    ((${#kernels[@]})) || kernels=(6.1 6.12 7.2)
    mkdir -p "$out" "$log_dir"
    bench/auditctl.sh >/dev/null # or each guest would fetch it
    printf '%s\n' "${kernels[@]}" |
        xargs -P 0 -I '{}' bench/cost.sh --one "$part" '{}'
}

main "$@"
