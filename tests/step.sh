# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Progress of long steps. Sourced by ./dev and tests/run.sh.

readonly log_dir=build/log

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# Says on standard error, until it is killed, how long step $1 has been running: on a terminal every
# second and with the last line of its log $2, elsewhere once a minute.
tick() {
    local name=$1 log=$2 start=$SECONDS interval=60 width last
    [[ ! -t 2 ]] || interval=1
    width=$(tput cols 2>/dev/null || echo 80)
    trap 'kill $!; exit' TERM
    # An interrupt ends the script itself but not what it runs in the background.
    while kill -0 $$ 2>/dev/null; do
        # A trap waits for a command in the foreground, but interrupts `wait`.
        sleep "$interval" &
        wait $!
        if [[ -t 2 ]]; then
            last=$(tail -n 1 "$log" 2>/dev/null | tr -cd '[:print:]')
            last=$(printf '%-24s %4d s  %s' "$name" $((SECONDS - start)) "$last")
            printf '\r\e[K%s' "${last:0:width-1}" >&2
        else
            printf '%-24s %4d s, still running\n' "$name" $((SECONDS - start)) >&2
        fi
    done
}

# Runs "$@" with a ticker beside it and returns its status.
with_ticker() {
    local name=$1 log=$2 ticker status=0
    shift 2
    tick "$name" "$log" >/dev/null &
    ticker=$!
    "$@" || status=$?
    kill "$ticker" 2>/dev/null
    wait "$ticker" 2>/dev/null || true
    [[ ! -t 2 ]] || printf '\r\e[K' >&2
    return "$status"
}

# step NAME COMMAND...: runs COMMAND with its output going to a log, which is shown when it fails.
# Prints one line with the time it took, and nothing if that was no time at all.
step() {
    local name=$1 start=$SECONDS status=0 log
    shift
    mkdir -p "$log_dir"
    log=$log_dir/${name//[^[:alnum:]]/-}.log
    with_ticker "$name" "$log" logged "$log" "$@" || status=$?
    if ((status)); then
        tail -n 100 "$log" >&2
        printf '%s failed after %d s; the whole log: %s\n' "$name" $((SECONDS - start)) "$log" >&2
    elif ((SECONDS - start > 1)); then
        printf '%-24s %4d s\n' "$name" $((SECONDS - start)) >&2
    fi
    return "$status"
}

logged() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 </dev/null
}
