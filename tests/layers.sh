#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Checks that no #include goes against the arrows:
#
#   base <- kernel <- { resource, latency } <- engine <- { action, sink, broker, store } <- output <- relay <- app
#
# Everyone may include include/brink, which includes nothing of src. src/bpf includes only itself;
# its headers are for kernel and above. Two folders of one rank do not know each other, and a sink
# and an output see the event, never the engine, and an output does not know the history.

set -euo pipefail
cd "${1:-$(dirname "$(readlink -f "$0")")/..}"

# shellcheck disable=SC2016 # awk's variables, not the shell's
find include src app -type f \( -name '*.[ch]' -o -name '*.[ch]pp' \) -print0 | sort -z |
    xargs -0 awk '
    BEGIN {
        split("base kernel resource engine", order)
        for (i in order) rank[order[i]] = i
        rank["latency"] = rank["resource"]
        rank["action"] = rank["sink"] = rank["broker"] = rank["store"] = 5
        rank["output"] = 6
        rank["relay"] = 7
        rank["app"] = 8
    }
    FNR == 1 {
        split(FILENAME, path, "/")
        from = path[1] == "src" ? path[2] : path[1]
        if (from != "bpf" && from != "include" && !(from in rank))
            complain("folder " from " has no place in the order")
    }
    # #include "folder/file", also written with src/ or ../ before it.
    match($0, /^[ \t]*#[ \t]*include[ \t]*["<]/) {
        target = substr($0, RLENGTH + 1)
        sub(/[">].*/, "", target)
        if (target ~ /\.\.\//) complain("write " target " from the root of src")
        if (!sub(/^src\//, "", target) && target !~ /\//) next
        sub(/\/.*/, "", target)
        if (target != "bpf" && !(target in rank) || target == from) next
        if (!allowed(from, target)) complain(from " may not include " target)
    }
    function allowed(from, target) {
        if (from == "include" || from == "bpf") return 0
        if (target == "bpf") return rank[from] >= rank["kernel"]
        if ((from == "sink" || from == "output") && target == "engine") return 0
        if (from == "output" && target == "store") return 0
        return rank[target] < rank[from]
    }
    function complain(what) {
        print FILENAME ":" FNR ": " what
        bad = 1
    }
    END { exit bad }'
