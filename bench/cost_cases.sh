#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The part of bench/cost.sh that runs in a guest, under busybox. Leaves /out/figures: a JSON object for
# each loop of each case.

set -eu

readonly files=open_close,open_close_cold,dup_close,connect_accept,fork_exit,fork_exec_exit,null_syscall
readonly memory=mmap_munmap,brk_pair,page_fault
readonly all=$files,$memory,thread_join,wakeup_pair
readonly limit=100000 # far away: beyond half the limit brink attaches one hook more

# The JSON lines of file $2 to /out/figures, as those of case $1.
keep() {
    sed "s/^{/{\"case\": \"$1\", /" "$2" >>/out/figures
}

# On the disk of the guest: what is not in the page cache is read from there.
mkdir -p /disk
mount -t ext4 /dev/nvme0n1 /disk
fresh_disk() { rm -rf /disk/cold && mkdir /disk/cold; }

# Case $1: loops $2, in processes of their own and with nothing beside them.
alone() {
    fresh_disk
    loops --disk /disk/cold --loops "$2" --alternations "$ALTERNATIONS" --milliseconds "$MILLISECONDS" >/tmp/lines
    keep "$1" /tmp/lines
}

# beside LOOPS SPEC WHOM [OPTION...]: the loops without and with a brink that watches SPEC of WHOM, a pid or options.
beside() {
    loops=$1 spec=$2 whom=$3
    case $whom in -*) ;; *) whom="--pid $whom" ;; esac
    shift 3
    rm -f /tmp/events
    fresh_disk
    sleep 1 # for what the case before has left behind
    # shellcheck disable=SC2086 # the options of $whom
    loops --disk /disk/cold --loops "$loops" --alternations "$ALTERNATIONS" --milliseconds "$MILLISECONDS" \
        --limit "$limit" "$@" --armed 'brink: watching' -- \
        brink watch --engine kernel -o json --events /tmp/events -w "$spec" $whom >/tmp/lines
}

crossed() { grep -q -e '"type":"crossing"' -e '"type":"initial"' /tmp/events; }

# Case $1: as above, and no level may be crossed.
watched() {
    name=$1
    shift
    beside "$@"
    ! crossed || { echo "$name: a level was crossed, so this is not what is to be measured" >&2 && exit 1; }
    keep "$name" /tmp/lines
}

# Case $1: open and close with $2 descriptors under limit $3, and a level that stands two above them.
hovering() {
    watched "$1" open_close "nofile=$(($2 + 2))" '{self}' --descriptors "$2" --limit "$3"
}

# That such a level is one above the loop's highest usage is shown by the next lower one, which the loop
# does cross (once: rearm).
show_that_hovering_is_near() {
    beside open_close nofile=11:rearm=1 '{self}' --descriptors 10 --alternations 1
    crossed || { echo "hovering: the level is not where it is to be" >&2 && exit 1; }
}

# The first runs after booting meet caches that are still empty and work that was put off.
alone discarded "$all"
rm /out/figures

alone before "$all"
watched both "$files" nofile=10000 '{self}'
watched up open_close,open_close_cold,dup_close nofile=10000:up '{self}'
watched other_both "$files" nofile=10000 '{other}'
watched other_up open_close nofile=10000:up '{other}'
hovering hover_10 10 "$limit"
hovering hover_10000 10000 "$limit"
hovering hover_limit 1000 1100
show_that_hovering_is_near
watched queue connect_accept accept_queue=1000 --all
watched other_queue connect_accept accept_queue=1000 '--comm nobody'
watched memory "$memory" as=100G '{self}'
watched other_memory "$memory" as=100G '{other}'
watched threads thread_join threads=1000 '{self}'
watched other_threads thread_join threads=1000 '{other}'
watched wakeups wakeup_pair wakeup_latency=1s '{self}'
watched other_wakeups wakeup_pair wakeup_latency=1s '{other}'
alone after "$all"

# Audit comes last: it does not switch off cleanly.
auditctl -a always,exit -F arch=b64 -S open,openat -F exit=-EMFILE
auditctl -e 1
alone audit "$all"
auditctl -D
auditctl -e 0
alone audit_off "$all"
