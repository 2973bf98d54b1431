#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Does what docs/adding-a-resource.md says: puts the file that is printed there into a copy of the tree, builds, and looks
# for the resource everywhere.

set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

tree=$(mktemp -d "${TMPDIR:-/tmp}/brink-adding.XXXXXX")
trap 'rm -rf "$tree"' EXIT
readonly page=docs/adding-a-resource.md
passed=0
failed=0

check() {
    local what=$1
    shift
    if "$@" >/dev/null; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not so: $what"
    fi
}

git ls-files -z | xargs -0 cp --parents -t "$tree"
# shellcheck disable=SC2016 # no expansion is meant
sed -n '/^```cpp$/,/^```$/ { /^```/d; p }' "$page" >"$tree/src/resource/ptys.cpp"
check 'the file is formatted' clang-format --style=file --dry-run -Werror "$tree/src/resource/ptys.cpp"

cmake -S "$tree" -B "$tree/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug >/dev/null
cmake --build "$tree/build" -j "${JOBS:-$(nproc)}" --target brink resource_page

readonly brink=$tree/build/app/brink/brink
row() { "$brink" limits -r ptys -o json | grep -q "\"resource\":\"ptys\",\"scope\":\"system\",\"usage\":$1,\"limit\":$(</proc/sys/kernel/pty/max),"; }
either() { row "$1" || row "$(</proc/sys/kernel/pty/nr)"; } # one may come or go
check 'limits shows what the kernel says' either "$(</proc/sys/kernel/pty/nr)"
check 'the help of limits has it' grep -q '^  ptys ' <("$brink" limits --help)
check 'top has it' grep -q '^ptys ' <("$brink" top --once -r ptys)
check 'doctor has it' grep -q '^ptys  *system ' <("$brink" doctor)
check 'a misspelt name leads to it' grep -q 'did you mean ptys?' <("$brink" limits -r pty 2>&1)
check 'the completion has it' grep -qx ptys <(
    PATH=$(dirname "$brink"):$PATH bash -c 'source packaging/completion/brink.bash && _brink_resources limits')
page() { "$tree/build/docs/resource_page" "$@" "$tree/docs/resources.md"; }
check 'the page of resources is found to lack it' grep -q 'the table is not that of src/resource' <(page --check 2>&1)
check 'the page of resources is written anew' page
check 'the page of resources has it' grep -q '^| .ptys. | system | pseudo-terminals' "$tree/docs/resources.md"
check 'the page of resources is found in order' page --check

echo "$passed passed, $failed failed"
((failed == 0))
