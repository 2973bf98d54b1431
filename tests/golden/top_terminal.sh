#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# brink top in a real terminal: tmux shows what a person would see, and sends the keys.
#
#   tests/golden/top_terminal.sh BRINK

set -euo pipefail

export LC_ALL=C.UTF-8
brink=$(realpath "$1")
folder=$(mktemp -d "${TMPDIR:-/tmp}/brink-top.XXXXXX")
trap 'tmux -S "$folder/socket" kill-server 2>/dev/null || true; kill "$sleeper" 2>/dev/null || true; rm -rf "$folder"' EXIT
failed=0
passed=0

tmux() {
    env -u TMUX TERM=xterm LC_ALL=C.UTF-8 tmux -f /dev/null -S "$folder/socket" "${@:1}"
}

# Waits until the screen has a line that matches $1.
expect() {
    for _ in {1..100}; do
        if tmux capture-pane -p | grep -Eq -- "$1"; then
            passed=$((passed + 1))
            return
        fi
        sleep 0.1
    done
    failed=$((failed + 1))
    echo "there is no line that matches '$1' in:"
    tmux capture-pane -p
}

# A process that is nearer to its limit than anything else.
sleep 300 &
sleeper=$!
sleep 0.3
prlimit --pid "$sleeper" --nofile=3:

tmux new-session -d -x 100 -y 20 "bash --norc --noprofile"
tmux send-keys "stty -a > $folder/before; $brink top -r nofile,stack --interval 200ms; s=\$?; stty -a > $folder/after; echo status \$s" Enter
expect '^[0-9]+ subjects, nearest to their limit first$'
expect '^> nofile +[0-9]+ +3 .* (kernel|poll) +sleep\['
expect '^q quit .* Enter details'
tmux send-keys "/sleep[$sleeper]"
expect "; 1 with \"sleep.$sleeper._\""
tmux send-keys Enter Enter
expect '^nofile +[0-9]+ +3 '
expect '^stack '
expect '^. [0-9]+ = '
tmux send-keys Escape
sleep 0.2
tmux send-keys Escape s s
expect ', by name$'
kill "$sleeper"
tmux send-keys q
expect '^status 0$'
if cmp "$folder/before" "$folder/after"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
echo "$passed passed, $failed failed"
((failed == 0))
