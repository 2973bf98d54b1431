#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The part of bench/cost.sh --growth that runs in a guest, under busybox: whether an operation costs more where more is
# watched. Leaves /out/figures: a JSON object for each number of processes and of levels.

set -eu

readonly limit=100000 below=10000

# Case $1 with number $2: open and close, without and with a brink that watches SPEC $3 of the loop and of $4 children.
growth() {
    rm -f /tmp/events
    loops --loops open_close --alternations "$ALTERNATIONS" --milliseconds "$MILLISECONDS" --limit "$limit" \
        --children "$4" --armed 'brink: watching' -- \
        brink watch --engine kernel -o json --events /tmp/events -w "$3" --pid '{self}' \
        --max-subjects "$(($4 + 64))" >/tmp/lines
    ! grep -q -e '"type":"crossing"' -e '"type":"lost"' /tmp/events ||
        { echo "growth: $1 $2: a level was crossed or a record lost, so this is not what is to be measured" >&2 && exit 1; }
    sed "s/^{/{\"case\": \"$1\", \"number\": $2, /" /tmp/lines >>/out/figures
}

# `nofile` with $1 levels, none of which is reached.
levels() {
    spec=nofile=$below
    more=1
    while [ "$more" -lt "$1" ]; do
        spec=$spec,$((below + more))
        more=$((more + 1))
    done
    echo "$spec"
}

# Kilobytes of brink ($1) in /proc/PID/smaps_rollup at $2.
kib() { sed -n "s/^$2: *\([0-9]*\) kB/\1/p" "/proc/$1/smaps_rollup"; }

# The kernel says for each descriptor of a map what the map takes.
map_bytes() {
    cat "/proc/$1/fdinfo/"* | awk '
        /^map_type:/ { map = 1 }
        /^memlock:/ { bytes = $2 }
        /^map_id:/ { if (map) of[$2] = bytes; map = 0 }
        END { for (id in of) n += of[id]; print n + 0 }'
}

# What brink takes itself with $1 processes watched, none of which does anything.
memory() {
    mkfifo /tmp/steps
    forker "$1" --gate </tmp/steps >/tmp/said &
    forker=$!
    exec 3>/tmp/steps
    until grep -q ready /tmp/said; do usleep 50000; done
    brink watch --engine kernel -w nofile=80% --pid "$forker" --max-subjects "$(($1 + 64))" --events /dev/null \
        2>/tmp/brink 3>&- & # or the forker would not see the end of its input
    brink=$!
    until grep -q 'brink: watching' /tmp/brink; do usleep 50000; done
    echo >&3
    until grep -q 'alive' /tmp/said; do usleep 50000; done
    sleep 2
    printf '{"case": "memory", "number": %d, "pss_kib": %d, "rss_kib": %d, "map_bytes": %d}\n' "$1" \
        "$(kib "$brink" Pss)" "$(kib "$brink" Rss)" "$(map_bytes "$brink")" >>/out/figures
    exec 3>&-
    wait "$forker" "$brink" || true
    rm /tmp/steps /tmp/said
}

for number in 1 10 100 1000 10000; do
    growth processes "$number" nofile=$below $((number - 1))
done
for number in 1 2 4 8 16 32; do
    growth levels "$number" "$(levels "$number")" 0
done
for number in 200 2000 10000; do
    memory "$number"
done
