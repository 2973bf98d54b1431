#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes a small Debian system with systemd and D-Bus, once, and keeps it beside the guests' kernels.
#
#   tests/vm/systemd_root.sh        prints the archive (tar) that holds it
#
# It comes from the archive that this machine uses for its own release, by debootstrap.

set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
packages=systemd-sysv,dbus,procps
cache=$(realpath -m "${BRINK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/brink}/systemd")
readonly here cache packages

main() {
    local codename work
    if [[ ! -s $cache/$packages.tar ]]; then
        ((EUID == 0)) || { echo "systemd_root.sh: debootstrap needs root" >&2 && exit 1; }
        # shellcheck disable=SC1091
        codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
        mkdir -p "$cache"
        work=$(mktemp -d "$cache/.make.XXXXXX")
        # shellcheck disable=SC2064 # now: the name does not change
        trap "rm -rf '$work'" EXIT
        echo "systemd_root.sh: fetching a small $codename with systemd" >&2
        debootstrap --variant=minbase --include="$packages" "$codename" "$work/root" \
            "$("$here/kernels.sh" --mirror)" >&2
        # What a guest without disk and network has no use for.
        rm -rf "$work"/root/{usr/share/{doc,man,locale,info,zoneinfo,bash-completion},var/lib/apt/lists,var/cache/apt}
        tar -C "$work/root" -cf "$work/root.tar" .
        mv "$work/root.tar" "$cache/$packages.tar"
    fi
    echo "$cache/$packages.tar"
}

main "$@"
