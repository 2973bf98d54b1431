#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What watching costs, counted in the instructions of guests with stock kernels.
#
#   bench/cost.sh [KERNEL...]     those that tests/vm/kernels.sh knows; 6.1 6.12 7.2 unless said
#
# A guest runs every case, one after the other (bench/cases.sh); all guests run at once, which does not
# change what they count. The figures go to build/bench/KERNEL.jsonl, from where bench/report.py
# takes them; the consoles are in build/log. Environment:
#
#   BRINK_BENCH_BUILD     the build that is measured; build/release if not set
#   BRINK_BENCH_TIMEOUT   seconds of real time for one guest; 1800 if not set

set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

# shellcheck source=tests/step.sh
source tests/step.sh

readonly build=${BRINK_BENCH_BUILD:-build/release}
readonly out=build/bench
readonly alternations=7
readonly milliseconds=20 # of guest time, for each run of a loop

# The line that says what was measured, and where.
setup() {
    local qemu
    qemu=$(qemu-system-x86_64 --version | sed -n '1s/.*version \([^ ]*\).*/\1/p')
    printf '{"case": "setup", "version": "%s", "qemu": "%s", "auditd": "%s", ' \
        "$(<"$folder/version")" "$qemu" "$(<"$audit/version")"
    printf '"brink": "%s", "date": "%s"}\n' "$(bench/commit.sh)" "$(date -u +%F)"
}

measure() {
    local kernel=$1 console=$log_dir/bench-$1.console start=$SECONDS folder audit
    folder=$(tests/vm/kernels.sh "$kernel")
    audit=$(bench/auditctl.sh)
    rm -rf "${out:?}/$kernel.out"
    tests/vm/guest.sh "$kernel" --icount --timeout "${BRINK_BENCH_TIMEOUT:-1800}" \
        --out "$out/$kernel.out" --log "$console" \
        --add "$build/app/brink/brink" --add "$build/bench/loops" --add bench/cases.sh \
        --add "$audit/auditctl" --add "$audit/lib=/usr/lib/x86_64-linux-gnu" \
        --env ALTERNATIONS="$alternations" --env MILLISECONDS="$milliseconds" \
        -- sh /usr/bin/cases.sh >/dev/null || die "kernel $kernel: failed; its console: $console"
    { setup && cat "$out/$kernel.out/figures"; } >"$out/$kernel.new"
    mv "$out/$kernel.new" "$out/$kernel.jsonl"
    rm -r "${out:?}/$kernel.out"
    echo "kernel $kernel: $((SECONDS - start)) s"
}

main() {
    local kernels=("$@")
    if [[ ${1:-} == --one ]]; then # for below
        measure "$2"
        return
    fi
    ((${#kernels[@]})) || kernels=(6.1 6.12 7.2)
    mkdir -p "$out" "$log_dir"
    bench/auditctl.sh >/dev/null # or each guest would fetch it
    printf '%s\n' "${kernels[@]}" |
        xargs -P 0 -I '{}' bench/cost.sh --one '{}'
}

main "$@"
