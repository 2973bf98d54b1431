#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the live tests in guests, one kernel after the other, with the kernel engine.
#
#   tests/vm/run.sh [--events DIR] [--all | --filter GTEST_FILTER] [KERNEL...]
#
# Without --all each kernel runs what counts in every kernel, and a share of the rest: all of it takes hours without KVM.
# Prints one line per kernel, `KERNEL: N passed, N failed, N skipped`. The complete console is in
# build/vm/KERNEL.log. With --events the events that brink wrote in the guest come to DIR/KERNEL.

set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

readonly build=build/dev

# The count that stands in GoogleTest's closing line "[  $1  ] N tests", 0 when there is none.
count() {
    local number
    number=$(sed -n "s/^\[  $1 *\] \([0-9]*\) tests\{0,1\}[.,]\{0,1\}.*/\1/p" "$2" | tail -n 1)
    echo "${number:-0}"
}

# On PREEMPT_RT a trampoline leaves out other tasks (docs/adr/0001-counting.md): threads that hammer one table on two
# processors, and 2000 processes, cannot be counted exactly there.
readonly not_on_rt='Threads.*:ManyProcesses.*'
# What is counted, exactly, in random operations; what is refused; families; late threads.
readonly everywhere='Levels/*:Values/*:Limits/*:Family.*:Denied.*:MemoryDenied.*:ResidentMemory.*'\
':Signal.*:SharedTable.*:LimitsOf*:WakeupLatency.*:Latency.*:*AcceptQueue.*'
readonly shares='
6.1     Of/UserCounts.*:UserSubjects.*:Cgroups.*:SharedWatch.*:IoUring.*:Identity.*
6.1-rt  Excursions.*:OtherResources.*
6.12    Threads.*:ManyProcesses.*:Overflow.AMillion*:Overflow.TheEnd*:Selection*:Action.EvidenceNames*
7.2     Of/UserCounts.*:UserSubjects.*:Cgroups.*:SharedWatch.*:Limit.*:Idle.*:Threads.*
'
# Of brinkd what the programs in the kernel do for it; each test loads them all, which takes half a minute.
readonly of_the_daemon='Authority.EndsWhenASetUid*:Authority.EndsWhenIds*:ThroughDaemon.RunOf*'\
':MonitorDescriptor.ManyWatches*:DaemonFault.TheClockIsSet:DaemonFault.NoMemory*:Rules.ARule*:Rules.NothingIsAttached*'

# The GoogleTest filter of kernel $1.
filter_for() {
    local share filter='*'
    if [[ ! $all ]]; then
        share=$(awk -v kernel="$1" '$1 == kernel { print $2 }' <<<"$shares")
        filter=$everywhere:$share
        [[ $1 != 6.12 ]] || filter+=:$of_the_daemon
    fi
    [[ $1 != 6.1-rt ]] || filter+=-$not_on_rt
    echo "--gtest_filter=$filter"
}

run_guest() {
    local kernel=$1 log=build/vm/$1.log out=build/vm/$1.out start=$SECONDS status=0
    local options=(--timeout "$timeout" --out "$out") program passed failed skipped
    options+=(--add "$build/app/brink/brink" --add "$build/app/brinkd/brinkd" --add "$build/tests/live/live_tests")
    options+=(--env BRINK=/usr/bin/brink --env BRINKD=/usr/bin/brinkd --env BRINK_ENGINE=kernel)
    options+=(--add "$(command -v sqlite3)" --env BRINK_LIVE_SET_CLOCK=1 --env BRINK_LIVE_IDLE_DAEMON_PROCESSES=500)
    options+=(--env BRINK_WORK=/usr/lib/brink-tests --env BRINK_EVENT_LOG_DIR=/out/events)
    # Emulated processors are slow: where more of the same is no other test, there is less of it.
    options+=(--env BRINK_LIVE_ROUNDS="${BRINK_LIVE_ROUNDS:-40}")
    options+=(--env BRINK_LIVE_WATCHES="${BRINK_LIVE_WATCHES:-3}")
    options+=(--env BRINK_LIVE_IDLE_S="${BRINK_LIVE_IDLE_S:-20}")
    [[ ! -x /usr/bin/cyclictest ]] || options+=(--add /usr/bin/cyclictest)
    for program in "$build"/tests/live/work/*; do
        [[ -f $program && -x $program ]] || continue
        options+=(--add "$program=/usr/lib/brink-tests/${program##*/}")
    done

    # A guest that crashes is tried once more, and that is said.
    for _ in once again; do
        rm -rf "$out"
        status=0
        # shellcheck disable=SC2016 # for the shell in the guest
        tests/vm/guest.sh "$kernel" "${options[@]}" \
            -- sh -c 'mkdir -p /out/events && exec live_tests "$@"' live_tests --gtest_color=no \
            "${gtest[@]:-$(filter_for "$kernel")}" \
            >"$log" 2>&1 || status=$?
        ((status == 125)) || break
        echo "$kernel: the guest crashed after $((SECONDS - start)) s; console: $log"
        cp "$log" "$log.crash"
    done
    if [[ $events && -d $out/events ]]; then
        rm -rf "${events:?}/$kernel"
        mkdir -p "$events"
        cp -R "$out/events" "$events/$kernel"
    fi

    ((status == 0)) || show_failure "$log"
    passed=$(count PASSED "$log") failed=$(count FAILED "$log") skipped=$(count SKIPPED "$log")
    echo "$kernel: $passed passed, $failed failed, $skipped skipped" \
        "($((SECONDS - start)) s, exit status $status, console: $log)"
    # No test at all is no success.
    return $((status != 0 || passed == 0))
}

# What failed and the list of failed tests where GoogleTest came to its end, else the end of the console.
show_failure() {
    if grep -q '^\[  FAILED  \].*listed below' "$1"; then
        grep -a -A 8 ': Failure' "$1" | cut -c 1-200 | head -n 60
        sed -n '/^\[  FAILED  \].*listed below/,$p' "$1"
    else
        tail -n 50 "$1"
    fi | sed 's/^/    /'
}

main() {
    local kernel kernels=() failed=()
    events='' all='' gtest=()
    while (($#)); do
        case $1 in
            --events) events=$2 && shift 2 ;;
            --all) all=yes && shift ;;
            --filter) gtest=("--gtest_filter=$2") && shift 2 ;;
            -*) echo "run.sh: unknown option $1" >&2 && exit 2 ;;
            *) kernels+=("$1") && shift ;;
        esac
    done
    timeout=${BRINK_GUEST_TIMEOUT:-$([[ $all ]] && echo 14400 || echo 1800)} # seconds of real time, without KVM
    ((${#kernels[@]})) || mapfile -t kernels < <(tests/vm/kernels.sh)
    mkdir -p build/vm
    for kernel in "${kernels[@]}"; do
        run_guest "$kernel" || failed+=("$kernel")
    done
    ((${#failed[@]} == 0)) || { echo "failed: ${failed[*]}" && exit 1; }
}

main "$@"
