#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches stock Debian kernels for the guests.
#
#   tests/vm/kernels.sh                  the names that are known
#   tests/vm/kernels.sh NAME             prints the folder with vmlinuz, version, modules and the packages
#   tests/vm/kernels.sh --refresh NAME   the same, after asking the archive for a newer one
#   tests/vm/kernels.sh --mirror         the archive that is asked
#
# A kernel is fetched once and then used from the cache, also without a network. The archive is the one that
# this machine uses.

set -euo pipefail

cache=$(realpath -m "${BRINK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/brink}/kernels")
readonly cache

# shellcheck source=tests/vm/private_apt.sh
source "$(dirname "$(readlink -f "$0")")/private_apt.sh"

# Of package debian-archive-keyring, which knows later releases than the machine's own.
readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Name, suite, metapackage. Versions move: the newest image of the series that is still served is meant, and
# where none is, what the metapackage depends on.
readonly kernels='
6.1     bookworm            linux-image-cloud-amd64
6.1-rt  bookworm            linux-image-rt-amd64
6.12    bookworm-backports  linux-image-cloud-amd64
7.2     trixie-backports    linux-image-cloud-amd64
'

# Modules that guests load, in this order: what a stock kernel would load by itself when it is asked about sockets.
readonly modules='inet_diag tcp_diag unix_diag'

die() {
    echo "kernels.sh: $*" >&2
    exit 1
}

# The sources of this machine's apt, from deb822 .sources and from one-line .list files: one a line,
# with URI, suites and components separated by tabs.
configured_sources() {
    local etc=${BRINK_APT_ETC:-/etc/apt}
    find "$etc" -maxdepth 2 -name '*.sources' -exec awk '
        function flush() {
            if (uris != "" && types ~ /(^| )deb( |$)/ && tolower(enabled) !~ /^(no|false|0)$/)
                print uris "\t" suites "\t" components
            uris = suites = components = types = enabled = key = ""
        }
        FNR == 1 || /^[ \t]*$/ { flush() }
        /^#/ { next }
        /^[^ \t]+:/ { key = tolower($1); $1 = "" }
        { sub(/^[ \t]+/, "") }
        key == "uris:" { uris = $1 == "" ? uris : $1 }
        key == "suites:" { suites = suites " " $0 }
        key == "components:" { components = components " " $0 }
        key == "types:" { types = types " " $0 }
        key == "enabled:" { enabled = $1 }
        END { flush() }' {} +
    find "$etc" -maxdepth 2 -name '*.list' -exec awk '
        { sub(/#.*/, "") }
        $1 == "deb" {
            sub(/^[ \t]*deb[ \t]+(\[[^]]*\][ \t]*)?/, "")
            uri = $1; suite = $2
            $1 = $2 = ""
            print uri "\t" suite "\t" $0
        }' {} +
}

# The archive that serves this machine its own release also serves the other suites.
mirror() {
    local codename uri suites components
    # shellcheck disable=SC1091
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    while IFS=$'\t' read -r uri suites components; do
        if [[ " $suites " == *" $codename "* && " $components " == *" main "* ]]; then
            echo "$uri"
            return
        fi
    done < <(configured_sources)
    die "apt on this machine has no source for '$codename main', so there is nowhere to fetch from"
}

# Lets the private apt in folder $1 see suite $2 of the archive, and nothing else.
use_suite() {
    local apt=$1 suite=$2 uri
    uri=$(mirror)
    echo "deb [arch=amd64 signed-by=$keyring] $uri $suite main" >"$apt/sources.list"
    cat >>"$apt/apt.conf" <<END
APT::Architecture "amd64";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::PDiffs "false";
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
END
}

# The packages that $1 depends on whose names match $2.
dependencies() {
    apt-cache -c "$apt_conf" depends "$1" |
        awk -v want="$2" '$1 == "Depends:" && $2 ~ want { print $2 }' | sort -u
}

# The newest image of the flavour of metapackage $2 in the series that kernel name $1 begins with.
newest_of_series() {
    local flavour=${2#linux-image-}
    apt-cache -c "$apt_conf" pkgnames "linux-image-${1%%-*}." |
        grep -E "^linux-image-[0-9][0-9.]*[0-9](\+deb[0-9]+|-[0-9]+)?-$flavour\$" | sort -V | tail -n 1
}

# Fetches kernel $1 into a new folder and puts that in the place of $cache/$1 when it is complete.
fetch() (
    local name=$1 suite=$2 meta=$3 image parts work package member
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/.fetch-$name.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    private_apt "$work/apt"
    use_suite "$work/apt" "$suite"
    apt_conf=$work/apt/apt.conf

    retry apt-get -qq -c "$apt_conf" -o APT::Update::Error-Mode=any update >&2
    image=$(newest_of_series "$name" "$meta")
    [[ $image ]] || image=$(dependencies "$meta" '^linux-image-[0-9]')
    [[ $image ]] || die "$meta in $suite depends on no linux-image-VERSION any more"
    mkdir "$work/kernel"
    cd "$work/kernel"
    # In 7.2 the image package is empty; vmlinuz and the modules lie in packages of their own.
    mapfile -t parts < <(dependencies "$image" '^linux-(binary|modules)-[0-9]')
    retry apt-get -qq -c "$apt_conf" download "$image" "${parts[@]}" >&2

    for package in *.deb; do
        member=$(dpkg-deb --fsys-tarfile "$package" | tar -t | grep '/vmlinuz' || true)
        [[ ! $member ]] || dpkg-deb --fsys-tarfile "$package" | tar -xO "$member" >vmlinuz
        dpkg-deb -f "$package" Version >version
    done
    [[ -s vmlinuz ]] || die "there is no vmlinuz in $(echo *.deb)"

    # Two runs at once may both get here: the later one wins, and nobody sees half a folder.
    [[ -d $cache/$name ]] && mv "$cache/$name" "$work/old"
    mv -T "$work/kernel" "$cache/$name"
)

# Takes the modules out of the packages in folder $1, into its folder modules, with numbers that keep their order.
take_modules() (
    local name package member number=0 work
    work=$(mktemp -d "$1/.modules.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/modules"
    for name in $modules; do
        for package in "$1"/*.deb; do
            member=$(dpkg-deb --fsys-tarfile "$package" | tar -t | grep -E "/$name\.ko(\.xz)?\$" || true)
            [[ $member ]] || continue
            dpkg-deb --fsys-tarfile "$package" | tar -xO "$member" >"$work/module"
            [[ $member != *.xz ]] || { mv "$work/module" "$work/module.xz" && xz -d "$work/module.xz"; }
            mv "$work/module" "$work/modules/$((++number))-$name.ko"
        done
    done
    mv -T "$work/modules" "$1/modules"
)

main() {
    local refresh='' name suite meta failed known
    known=$(awk 'NF { print $1 }' <<<"$kernels")
    [[ ${1:-} == --refresh ]] && refresh=1 && shift
    if [[ ${1:-} == --mirror ]]; then
        mirror
        return
    fi
    if (($# == 0)); then
        echo "$known"
        return
    fi
    name=$1
    read -r _ suite meta < <(awk -v name="$name" '$1 == name' <<<"$kernels") ||
        die "unknown kernel '$name'; known:" "${known//$'\n'/ }"

    if [[ ! -f $cache/$name/vmlinuz || $refresh ]]; then
        echo "kernels.sh: fetching kernel $name ($meta of $suite)" >&2
        # Not `if ! fetch`, within which set -e would not hold.
        set +e
        (set -e && fetch "$name" "$suite" "$meta")
        failed=$?
        set -e
        if ((failed)); then
            [[ -f $cache/$name/vmlinuz ]] || die "kernel $name could not be fetched"
            echo "kernels.sh: it could not; the cached $(<"$cache/$name/version") is used" >&2
        fi
    fi
    # A folder that an earlier version has filled has none.
    [[ -d $cache/$name/modules ]] || take_modules "$cache/$name"
    echo "$cache/$name"
}

main "$@"
