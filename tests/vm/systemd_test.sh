#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2016,SC2317 # for the shells that check() starts; functions are called by check()
#
# In a guest with systemd (tests/vm/systemd.sh): brinkd under its unit, with its capabilities and its filter.

passed=0 failed=0

check() { # a sentence, and a command that must succeed
    what=$1
    shift
    if "$@" >/tmp/out 2>&1; then
        echo "ok      $what"
        passed=$((passed + 1))
    else
        echo "FAILED  $what: $*"
        sed 's/^/        /' /tmp/out
        failed=$((failed + 1))
    fi
}

eventually() { # up to two minutes: a guest is slow
    for _ in $(seq 240); do
        "$@" && return
        sleep 0.5
    done
    return 1
}

main_pid() { systemctl show -P MainPID "$1"; }
journal() { journalctl -q -u brinkd -o json "$@"; }
said() { journalctl -q -u brinkd | grep -q "$1"; }
journal_has() { journal "$1" | grep -q .; }
restarted() { [ "$(main_pid victim)" != "$before" ] && [ "$(main_pid victim)" != 0 ]; }

mkdir -p /etc/brink
cat >/etc/brink/brink.toml <<'END'
[[rule]]
name = "leak"
command = ["/bin/sh", "-c", "exec 5</dev/null 6</dev/null 7</dev/null 8</dev/null; sleep 1000"]
watch = "nofile=7:up"
on = ["7=evidence", "7=restart:victim.service", "7=exec:true"]
[[rule]]
name = "pressed"
cgroup = "/system.slice"
watch = "pressure_cpu=99%"
[[rule]]
name = "crowd"
user = "4242"
watch = "nproc=3"
END
cat >/run/systemd/system/victim.service <<'END'
[Service]
ExecStart=/bin/sleep 10000
END

systemd-sysusers
systemctl daemon-reload
systemctl start victim
before=$(main_pid victim)

check "it starts, and says that it is ready" systemctl start brinkd
pid=$(main_pid brinkd)
check "its engine is kernel, with the capabilities of the unit" \
    sh -c 'brink status -o json | tee /dev/stderr | grep -q "^{.*\"engine\":\"kernel\""'
check "it has no others" grep -q 'CapEff:.000000c001080024' "/proc/$pid/status"
check "pressure of a cgroup has a trigger" eventually said "rule pressed: with engine notify"
check "which could be set" sh -c '! journalctl -q -u brinkd | grep "rule pressed: .*pressure:"'
check "users are watched in the kernel" eventually said "rule crowd: with engine kernel"
check "an event is in the journal, with fields" eventually journal_has BRINK_RULE=leak
check "the action is, too" eventually journal_has BRINK_ACTION=evidence
check "a service is restarted over D-Bus" eventually restarted
check "a command runs" eventually journal_has BRINK_ACTION=exec:true
check "the history is in its folder" sh -c 'brink events -o json | grep -q "\"rule\":\"leak\""'
check "members of the group can read it, others cannot" sh -c '[ "$(stat -c %a:%G /var/lib/brink)" = 750:brink ]'

mkdir -p /etc/brink/conf.d
echo 'x = ' >/etc/brink/conf.d/bad.toml
systemctl reload brinkd
check "a bad file is refused at a reload" eventually sh -c 'journalctl -q -u brinkd | grep -q "the one before holds"'
check "and it goes on" sh -c 'systemctl is-active brinkd && brink status | grep -q "leak"'
rm /etc/brink/conf.d/bad.toml

kill -KILL "$pid"
check "systemd starts it again when it is killed" \
    eventually sh -c "[ \$(systemctl show -P MainPID brinkd) != $pid ] && systemctl is-active brinkd"
check "it ends when it is told to" systemctl stop brinkd
check "cleanly" sh -c '[ "$(systemctl show -P Result brinkd)" = success ]'

mkdir -p /run/systemd/system/brinkd.service.d
printf '[Service]\nWatchdogSec=4s\n' >/run/systemd/system/brinkd.service.d/watchdog.conf
systemctl daemon-reload
check "with a watchdog" systemctl start brinkd
sleep 12
check "it answers it" sh -c 'systemctl is-active brinkd && [ "$(systemctl show -P NRestarts brinkd)" = 0 ]'

echo "$passed passed, $failed failed"
echo "exposure: $(systemd-analyze security brinkd 2>/dev/null | tail -n 1)"
exit $((failed > 0))
