#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Boots a guest with systemd, as an initial RAM file system, and runs tests/vm/systemd_test.sh in it: brinkd under its unit.
#
#   tests/vm/systemd.sh [KERNEL]       6.12 unless said
#
# Prints what the test prints; the console is in build/vm/systemd.log. The exit status is the test's own, 124 when time ran
# out, 125 when the guest crashed.

set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

readonly build=build/dev log=build/vm/systemd.log timeout=${BRINK_GUEST_TIMEOUT:-900}

# Copies program $1 to $2 in the guest, with the libraries that it needs.
install_program() {
    local library
    install -D "$1" "$root$2"
    while read -r library; do
        [[ -e $root$library ]] || install -D "$library" "$root$library"
    done < <(ldd "$1" | sed -n 's/^\(.* => \)\{0,1\}[[:space:]]*\(\/[^ ]*\) (0x.*/\2/p')
}

make_root() {
    tar -C "$root" -xf "$(tests/vm/systemd_root.sh)"
    install_program "$build/app/brinkd/brinkd" /usr/sbin/brinkd
    install_program "$build/app/brink/brink" /usr/bin/brink
    install -Dm644 packaging/systemd/brinkd.service "$root/lib/systemd/system/brinkd.service"
    install -Dm644 packaging/systemd/brink.sysusers "$root/usr/lib/sysusers.d/brink.conf"
    install -D tests/vm/systemd_test.sh "$root/usr/lib/brink-tests/systemd_test.sh"
    # The test is a unit of its own; its end is the end of the guest.
    cat >"$root/etc/systemd/system/brink-test.service" <<'END'
[Unit]
After=multi-user.target dbus.service
SuccessAction=none
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/usr/lib/brink-tests/systemd_test.sh >/dev/ttyS1 2>&1; echo "status $?" >/dev/ttyS1'
ExecStopPost=/bin/systemctl --force --force reboot
[Install]
WantedBy=multi-user.target
END
    ln -sf /etc/systemd/system/brink-test.service \
        "$root/etc/systemd/system/multi-user.target.wants/brink-test.service"
    ln -sf /lib/systemd/systemd "$root/init"
    echo guest >"$root/etc/hostname"
    (cd "$root" && find . -print0 | cpio --quiet -0 -o -H newc -R 0:0) >"$work/initramfs"
}

main() {
    local kernel=${1:-6.12} vmlinuz status
    work=$(mktemp -d "${TMPDIR:-/tmp}/brink-systemd.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    root=$work/root
    mkdir -p "$root" build/vm
    make_root
    rm -rf "$root"
    vmlinuz=$(tests/vm/kernels.sh "$kernel")/vmlinuz
    # As in guest.sh, which says why.
    timeout -k 5 "$timeout" qemu-system-x86_64 -accel tcg,thread=single -cpu 'max,-cx16' -smp 2 -m 3072 \
        -display none -vga none -nic none -no-reboot -kernel "$vmlinuz" -initrd "$work/initramfs" \
        -append "console=ttyS0 panic=-1 oops=panic noirqdebug quiet lsm=landlock,bpf systemd.show_status=0" \
        -serial "file:$log" -serial "file:$work/report" -monitor none </dev/null || true
    sed -e 's/\r*$//' -e '/^status [0-9]*$/d' "$work/report"
    status=$(sed -n 's/\r*$//; s/^status \([0-9]*\)$/\1/p' "$work/report")
    exit "${status:-125}"
}

main "$@"
