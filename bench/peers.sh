#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches the programs that brink is measured beside, and prints the folder with their files (root) and their versions
# (versions, a line each). Nothing is installed on this machine. They are fetched once and then used from the cache.

set -euo pipefail

cache=$(realpath -m "${BRINK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/brink}")
readonly cache
readonly peers=(sysstat prometheus-process-exporter collectd-core)
readonly libraries=(libltdl7) # of collectd

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
    cd "$work/packages"
    retry apt-get -qq -c "$work/apt/apt.conf" -o APT::Update::Error-Mode=any update >&2
    retry apt-get -qq -c "$work/apt/apt.conf" download "${peers[@]}" "${libraries[@]}" >&2
    for package in *.deb; do
        dpkg-deb -x "$package" "$work/peers/root"
    done
    for package in "${peers[@]}"; do
        echo "$package $(dpkg-deb -f "$package"_*.deb Version)"
    done >"$work/peers/versions"
    rm -rf "$cache/peers"
    mv -T "$work/peers" "$cache/peers"
}

[[ -f $cache/peers/versions ]] || fetch
echo "$cache/peers"
