#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches the programs that brink is measured beside, and prints the folder with their files (root) and their versions
# (versions, a line each). Nothing is installed on this machine. They are fetched once and then used from the cache; a
# package that the archive does not have is said and left out, and fetched when it is asked for again.

set -euo pipefail

cache=$(realpath -m "${BRINK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/brink}")
readonly cache
readonly peers=(sysstat prometheus-process-exporter prometheus collectd-core monit netdata-core nagios4-core auditd bpftrace)
# Of theirs, those that a machine with packaging/debian-packages.txt may not have.
readonly libraries=(libltdl7 libmnl0 libnetfilter-acct1 libuv1 libjson-c5 libbpfcc libaudit1 libauparse0 libwrap0)

# shellcheck source=tests/vm/private_apt.sh
source "$(dirname "$(readlink -f "$0")")/../tests/vm/private_apt.sh"

fetch() {
    local work package
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/.fetch-peers.XXXXXX")
    # shellcheck disable=SC2064 # the folder as it is now
    trap "rm -rf '$work'" EXIT
    private_apt "$work/apt"
    mkdir -p "$work/packages" "$work/peers/root"
    : >"$work/peers/versions"
    cd "$work/packages"
    retry apt-get -qq -c "$work/apt/apt.conf" -o APT::Update::Error-Mode=any update >&2
    for package in "${peers[@]}" "${libraries[@]}"; do
        retry apt-get -qq -c "$work/apt/apt.conf" download "$package" >&2 ||
            echo "peers.sh: there is no package $package" >&2
    done
    for package in *.deb; do
        dpkg-deb -x "$package" "$work/peers/root"
    done
    for package in "${peers[@]}"; do
        [[ ! -e $(echo "$package"_*.deb) ]] || echo "$package $(dpkg-deb -f "$package"_*.deb Version)"
    done >"$work/peers/versions"
    rm -rf "$cache/peers"
    mv -T "$work/peers" "$cache/peers"
}

# All that are wanted are there.
complete() {
    local package
    for package in "${peers[@]}"; do
        grep -q "^$package " "$cache/peers/versions" 2>/dev/null || return 1
    done
}

complete || fetch
echo "$cache/peers"
