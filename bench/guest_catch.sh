#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The part of bench/guest_catch.py that runs in a guest, under busybox: the same excursions, before the eyes of who needs a
# kernel that allows it. PEERS are the files of the peers' packages, PHASES a file of phases, a line each. Leaves, for each
# peer and phase, /out/PEER.PHASE.times and /out/PEER.PHASE.alarms, and /out/PEER.log; both files are missing for a peer
# that did not come to work.

# shellcheck disable=SC2317 # watch_as starts peers by name

set -u

# Waits until command "$@" succeeds; a guest without KVM is slow.
until_so() {
    tries=0
    until "$@" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || return 1
        usleep 200000
    done
}

alarm="alert /tmp/alarms guest"

start_brink() {
    brink watch --engine kernel --pid "$watched" -w nofile=80% --on "80%=exec:$alarm" >/dev/null 2>/out/brink.log &
    peer=$!
    until_so grep -q 'brink: watching' /out/brink.log
}

# brink's events as $1, read by the alarm's program, which minds those with $2. It must not keep the phases open.
start_read() {
    mkfifo "/tmp/$1"
    alert /tmp/alarms guest --each-line "$2" <"/tmp/$1" 3>&- &
    brink watch --engine kernel --pid "$watched" -w nofile=80% -o json >"/tmp/$1" 2>"/out/$1.log" &
    peer=$!
    until_so grep -q 'brink: watching' "/out/$1.log"
}

start_reader() { start_read reader '"direction":"up"'; }

start_denied() { start_read denied '"type":"denied"'; }

start_auditd() {
    mkdir -p /etc/audit/plugins.d /var/log/audit /var/run
    cp "$CONFIGURATION/auditd.conf" /etc/audit/
    cp "$CONFIGURATION/auditd_plugin.conf" /etc/audit/plugins.d/alarm.conf
    chmod 640 /etc/audit/auditd.conf /etc/audit/plugins.d/alarm.conf
    auditd -n >/out/auditd.log 2>&1 &
    peer=$!
    until_so sh -c 'auditctl -s | grep -q "^pid [1-9]"' || return 1
    auditctl -a always,exit -F arch=b64 -S open,openat -F exit=-EMFILE >>/out/auditd.log 2>&1
}

start_bpftrace() {
    mkfifo /tmp/said
    alert /tmp/alarms guest --each-line EMFILE </tmp/said 3>&- &
    bpftrace --unsafe -B line "$CONFIGURATION/emfile.bt" 2>/out/bpftrace.log >/tmp/said &
    peer=$!
    until_so test -e /tmp/ready
}

# The phases of file $PHASES, before the eyes of peer $1. Audit does not see processes that are older than it is.
watch_as() {
    peer=
    [ "$1" != auditd ] || start_auditd || return
    mkdir -p /tmp/files
    mkfifo /tmp/phases
    excursions --files /tmp/files --times /tmp/times </tmp/phases >/tmp/answers &
    watched=$!
    exec 3>/tmp/phases
    until_so grep -q ready /tmp/answers
    : >/tmp/alarms
    if [ "$peer" ] || "start_$1"; then
        number=0
        while read -r phase; do
            number=$((number + 1))
            : >/tmp/alarms
            : >/tmp/times
            echo "$phase" >&3
            phase_done "$number"
            sleep 2 # for alarms that are still on their way
            cp /tmp/alarms "/out/$1.$number.alarms"
            cp /tmp/times "/out/$1.$number.times"
        done <"$PHASES"
    fi
    kill "$peer"
    exec 3>&-
    wait "$peer" "$watched" 2>/dev/null
    rm -rf /tmp/files /tmp/phases /tmp/answers /tmp/times
}

# Until phase $1 is done, or who makes the excursions has ended.
phase_done() {
    until [ "$(grep -c 'done' /tmp/answers)" -ge "$1" ]; do
        kill -0 "$watched" || exit 1
        sleep 1
    done
}

for name in ${GUEST_PEERS}; do
    watch_as "$name"
done
exit 0
