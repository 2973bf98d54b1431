#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The parts of ./dev test, in order. Each prints the closing lines of what it ran, and then one line
# with its result and time. Its whole output is in build/log/test-PART.log, whose end is shown when
# it fails. A part that fails does not stop the others. An emulated guest keeps one processor busy:
# parts that neither need nor disturb it run beside part vm, one after the other, with what the guest leaves of the
# processors, and with all of them once the guests are done.

set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

# shellcheck source=tests/step.sh
source tests/step.sh

# The events of every live test, on the host and in the guests: what part `schema` reads.
readonly events=build/dev/events

readonly parts=(fmt layers build unit golden sinks live vm schema adding asan tidy)
readonly on_request=(systemd vm-all) # they take long: only when named
readonly beside_vm=(adding asan tidy)

ctest_label() {
    ctest --test-dir "build/$1" -L "^$2\$" --no-tests=error --output-on-failure
}

part_fmt() { ./dev fmt --check; }
part_layers() { tests/layers.sh; }
part_build() { ./dev build dev; }
part_unit() { ./dev build dev && ctest_label dev unit; }
part_golden() { ./dev build dev && ctest_label dev golden; }
part_sinks() { ./dev build dev && ctest_label dev sinks; }
part_live() {
    ./dev build dev || return
    mkdir -p "$events" && rm -f "$events"/*.jsonl
    BRINK_EVENT_LOG_DIR=$PWD/$events ctest_label dev live
}
part_vm() { ./dev build dev && tests/vm/run.sh --events "$events"; }
part_vm-all() { ./dev build dev && tests/vm/run.sh --all --events "$events"; }
part_systemd() { ./dev build dev && tests/vm/systemd.sh; }
part_schema() { /usr/bin/python3 tests/schema.py docs/event.schema.json "$events"; }
part_adding() { tests/adding_resource.sh; }
# Compiled with clang, so its warnings are found here.
part_asan() { ./dev build asan-ubsan && ctest_label asan-ubsan unit; }
part_tidy() { ./dev lint; }

# The lines of a part's output that are worth a reader's time when all is well.
readonly closing_lines='% tests passed|^Total Test time|[0-9] passed, [0-9]+ failed|are valid$'

run_part() {
    local part=$1 start=$SECONDS log=$log_dir/test-$1.log verdict=passed status=0
    with_ticker "$part" "$log" show_closing_lines "$part" "$log" || status=$?
    if ((status)); then
        verdict=FAILED
        tail -n 60 "$log" | sed 's/^/    /'
        echo "    the whole output: $log"
    fi
    printf '%-8s %s  %4d s\n' "$part" "$verdict" $((SECONDS - start))
    return "$status"
}

show_closing_lines() {
    local part=$1 log=$2
    "part_$part" 2>&1 </dev/null | tee "$log" |
        { grep --line-buffered -E "$closing_lines" || true; } | sed -u 's/^/    /'
    return "${PIPESTATUS[0]}"
}

run_parts() {
    local part
    for part; do
        run_part "$part" || echo "$part" >>"$log_dir/failed"
    done
}

main() {
    local part beside=() first=() failed=() selected=("$@")
    ((${#selected[@]})) || selected=("${parts[@]}")
    for part in "${selected[@]}"; do
        [[ " ${parts[*]} ${on_request[*]} " == *" $part "* ]] ||
            die "unknown part '$part'; known: ${parts[*]} ${on_request[*]}"
    done
    mkdir -p "$log_dir"
    rm -f "$log_dir/failed"
    for part in "${selected[@]}"; do
        if [[ " ${beside_vm[*]} " == *" $part "* && " ${selected[*]} " == *" vm "* ]]; then
            beside+=("$part")
        else
            first+=("$part")
        fi
    done
    for part in "${first[@]}"; do
        if [[ $part == vm && ${#beside[@]} -gt 0 ]]; then
            trap 'kill 0' INT # the shell shields what is in the background from it
            { renice -n 10 "$BASHPID" >/dev/null && run_parts "${beside[@]}"; } &
        fi
        run_parts "$part"
    done
    wait
    echo
    [[ ! -e $log_dir/failed ]] || mapfile -t failed <"$log_dir/failed"
    if ((${#failed[@]})); then
        echo "${#failed[@]} of ${#selected[@]} parts failed in $SECONDS s: ${failed[*]}"
        exit 1
    fi
    echo "all ${#selected[@]} parts passed in $SECONDS s"
}

main "$@"
