#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Boots a stock Debian kernel in qemu, runs one command there, and exits with the command's status.
#
#   tests/vm/guest.sh KERNEL [OPTION...] -- COMMAND [ARG...]
#   tests/vm/guest.sh KERNEL [OPTION...] --shell
#
#   KERNEL              a name that tests/vm/kernels.sh knows, or a vmlinuz
#   --add FILE[=PATH]   puts a file or folder, with the libraries it needs, into the guest;
#                       PATH defaults to /usr/bin/NAME
#   --env NAME=VALUE    sets a variable of the command's environment
#   --out DIR           brings the files that the command leaves in /out to DIR
#   --log FILE          keeps the console's whole output in FILE
#   --timeout SECONDS   of real time; 600 unless said
#   --icount            one processor, and one instruction is one nanosecond of guest time: counts
#                       that repeat
#   --smp N, --mem MIB  2 and 2048 unless said
#   --disk MIB          a disk of that size with an empty ext4, /dev/nvme0n1
#   --append TEXT       more for the kernel's command line
#   --shell             a shell on this terminal instead of a command; leave it with `exit`
#
# Exit status: the command's own; 124 when time ran out; 125 when the guest crashed or could not be
# started.
#
# There is no network, and no disk unless it is asked for: all is in the initial RAM file system. The
# console is the first serial port. The command's status and /out come back as a tar archive over the
# second one: the drivers of serial ports and of NVMe disks are what all of these kernels have built in,
# and nothing that is printed can be taken for a status there.

set -euo pipefail

readonly here=${0%/*}

die() {
    echo "guest.sh: $*" >&2
    exit 125
}

usage() { sed -n '4,/^$/s/^# \{0,1\}//p' "$0"; }

add=() environment=() out='' log='' timeout=600 icount=0 smp=2 mem=2048 disk='' append='' shell=''

parse_arguments() {
    [[ ${1:-} && $1 != --* ]] || { usage >&2 && exit 125; }
    kernel=$1
    shift
    while (($#)); do
        case $1 in
            --icount) icount=1 && shift && continue ;;
            --shell) shell=1 && shift && continue ;;
            --) shift && break ;;
        esac
        (($# > 1)) || die "$1 needs a value, or is unknown; see the top of $0"
        case $1 in
            --add) add+=("$2") ;;
            --env) environment+=("$2") ;;
            --out) out=$2 ;;
            --log) log=$2 ;;
            --timeout) timeout=$2 ;;
            --smp) smp=$2 ;;
            --mem) mem=$2 ;;
            --disk) disk=$2 ;;
            --append) append=$2 ;;
            *) die "unknown option $1; see the top of $0" ;;
        esac
        shift 2
    done
    command=("$@")
    [[ $shell || ${#command[@]} -gt 0 ]] || die "no command; write it after --"
}

# Copies $1 to $2 below $root, and the shared libraries of every program in it to where the loader
# will look for them.
install_file() {
    local source=$1 target=$root$2 library
    [[ -e $source ]] || die "--add: there is no $source"
    mkdir -p "${target%/*}"
    cp -LRT "$source" "$target"
    while read -r library; do
        mkdir -p "$root${library%/*}"
        cp -L --no-clobber "$library" "$root$library"
    done < <(find -L "$source" -type f -perm /111 -exec ldd {} + 2>/dev/null |
        sed -n 's/^\(.* => \)\{0,1\}[[:space:]]*\(\/[^ ]*\) (0x.*/\2/p' | sort -u)
}

# The guest's first process. It runs /etc/command and reports over the second serial port.
write_init() {
    cat >"$root/init" <<'END'
#!/usr/bin/busybox sh
export PATH=/usr/bin HOME=/root TERM=${TERM:-linux}
/usr/bin/busybox mount -t devtmpfs dev /dev
exec </dev/null >/dev/console 2>&1
/usr/bin/busybox --install -s /usr/bin
mkdir -p /proc /sys /tmp /run /root /out /dev/pts /dev/shm
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t tmpfs out /out
mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t debugfs debug /sys/kernel/debug
mount -t tracefs trace /sys/kernel/tracing
chmod 1777 /tmp /dev/shm
hostname guest
ifconfig lo 127.0.0.1 up
for module in /lib/modules/*.ko; do
    [ ! -e "$module" ] || insmod "$module"
done
cd /root
sh /etc/command
echo $? >/run/status
stty -F /dev/ttyS1 raw -echo
tar -cz -C / run/status out >/dev/ttyS1
reboot -f
END
    chmod +x "$root/init"
}

write_command() {
    local pair
    for pair in ${environment[@]+"${environment[@]}"}; do
        echo "export ${pair%%=*}=$(quoted "${pair#*=}")"
    done
    if [[ $shell ]]; then
        echo "export TERM=$(quoted "${TERM:-vt100}")"
        echo "stty rows $(tput lines) cols $(tput cols) </dev/console"
        echo "setsid cttyhack sh </dev/console"
    else
        quoted "${command[@]}"
    fi
}

# "$@" as words of a POSIX shell.
quoted() {
    local word
    for word in "$@"; do
        printf "'%s' " "${word//\'/\'\\\'\'}"
    done
    echo
}

build_initramfs() {
    local file folder
    root=$work/root
    mkdir -p "$root"/{dev,etc,usr/bin,usr/lib,usr/lib64}
    ln -s usr/bin "$root/bin"
    ln -s usr/bin "$root/sbin"
    ln -s usr/lib "$root/lib"
    ln -s usr/lib64 "$root/lib64"
    echo 'root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:
nogroup:x:65534:' >"$root/etc/group"
    install_file "$(command -v busybox)" /usr/bin/busybox
    for file in ${add[@]+"${add[@]}"}; do
        case $file in
            *=*) install_file "${file%%=*}" "${file#*=}" ;;
            *) install_file "$file" "/usr/bin/${file##*/}" ;;
        esac
    done
    # A kernel that was given as a file is given without modules.
    if [[ ! -f $kernel ]]; then
        folder=$("$here/kernels.sh" "$kernel") || exit 125
        mkdir "$root/usr/lib/modules"
        cp "$folder"/modules/*.ko "$root/usr/lib/modules/"
    fi
    write_init
    write_command >"$root/etc/command"
    (cd "$root" && find . -print0 | cpio --quiet -0 -o -H newc -R 0:0) >"$work/initramfs"
    rm -rf "$root"
}

build_disk() {
    truncate -s "${disk}M" "$work/disk"
    PATH=$PATH:/usr/sbin:/sbin mkfs.ext4 -q -F "$work/disk" || die "--disk $disk: mkfs.ext4 failed"
}

# Boots, and streams the console to standard output.
boot() {
    local vmlinuz=$kernel
    [[ -f $kernel ]] || vmlinuz=$("$here/kernels.sh" "$kernel")/vmlinuz || exit 125
    # Without -cx16, 6.12 once crashed in cmpxchg16b.
    # One host thread for all guest processors: with several, one of them can execute code that another
    # is patching (which is how hooks are attached), and the guest dies of it.
    # Without noirqdebug, 6.1-rt can take the serial port's threaded interrupts for spurious ones, and switch
    # off the port that the report goes through.
    # shellcheck disable=SC2054 # the commas belong to the options
    local qemu=(qemu-system-x86_64 -accel tcg,thread=single -cpu 'max,-cx16'
        -smp "$((icount ? 1 : smp))" -m "$mem" -display none -vga none -nic none -no-reboot
        -kernel "$vmlinuz" -initrd "$work/initramfs"
        -append "console=ttyS0 panic=-1 oops=panic noirqdebug quiet lsm=landlock,bpf $append")
    local report=(-serial "file:$work/report.tar.gz")
    ((icount)) && qemu+=(-icount shift=0)
    # shellcheck disable=SC2054 # as above
    [[ ! $disk ]] || qemu+=(-drive "file=$work/disk,if=none,id=disk,format=raw,cache=unsafe"
        -device nvme,drive=disk,serial=brink)

    if [[ $shell ]]; then
        "${qemu[@]}" -serial mon:stdio "${report[@]}"
        return
    fi
    # Whoever kills this script ends the guest, too.
    setpriv --pdeathsig TERM timeout --foreground -k 5 "$timeout" \
        "${qemu[@]}" -serial stdio -monitor none "${report[@]}" </dev/null 2>&1 |
        sed -u -e 's/\r*$//' -e '/reboot: Restarting system$/d' | tee "$work/console"
}

main() {
    local status=0
    parse_arguments "$@"
    work=$(mktemp -d "${TMPDIR:-/tmp}/brink-guest.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    build_initramfs
    [[ ! $disk ]] || build_disk
    boot || status=$?
    [[ ! $log || $shell ]] || { mkdir -p "$(dirname "$log")" && cp "$work/console" "$log"; }

    if tar -xzf "$work/report.tar.gz" -C "$work" 2>/dev/null && [[ -s $work/run/status ]]; then
        [[ ! $out ]] || { mkdir -p "$out" && cp -R "$work/out/." "$out/"; }
        exit "$(<"$work/run/status")"
    fi
    [[ ! $shell ]] || exit "$status"
    if ((status == 124)); then
        echo "guest.sh: $kernel: not done after $timeout s" >&2
        exit 124
    fi
    die "$kernel: the guest crashed or did not start; its console says why"
}

main "$@"
