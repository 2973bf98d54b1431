#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches Linux audit's auditctl for the guests and prints the folder with it, the folder lib with its
# libraries, and the file version. Nothing is installed on this machine.
#
# It is fetched once and then used from the cache; from the sources of this machine, since it must suit the C
# library that the guests get from it.

set -euo pipefail

cache=$(realpath -m "${BRINK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/brink}")
readonly cache

# shellcheck source=tests/vm/private_apt.sh
source "$(dirname "$(readlink -f "$0")")/../tests/vm/private_apt.sh"

# In a folder of its own, which takes the place of the cached one when it is complete.
fetch() {
    local work package
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/.fetch-auditctl.XXXXXX")
    # shellcheck disable=SC2064 # the folder as it is now
    trap "rm -rf '$work'" EXIT
    private_apt "$work/apt"
    mkdir -p "$work/packages" "$work/files" "$work/auditctl/lib"
    cd "$work/packages"
    retry apt-get -qq -c "$work/apt/apt.conf" -o APT::Update::Error-Mode=any update >&2
    retry apt-get -qq -c "$work/apt/apt.conf" download auditd libaudit1 libauparse0 >&2
    for package in *.deb; do
        dpkg-deb -x "$package" "$work/files"
    done
    dpkg-deb -f auditd_*.deb Version >"$work/auditctl/version"
    # Where they lie differs between releases: below / or below /usr.
    find "$work/files" -type f -name auditctl -exec cp -t "$work/auditctl" {} +
    find "$work/files" -name 'lib*.so.*' -exec cp -L -t "$work/auditctl/lib" {} +
    [[ -x $work/auditctl/auditctl ]]
    rm -rf "$cache/auditctl"
    mv -T "$work/auditctl" "$cache/auditctl"
}

[[ -x $cache/auditctl/auditctl ]] || fetch
echo "$cache/auditctl"
