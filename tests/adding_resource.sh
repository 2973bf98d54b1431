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
sed -n '/^```cpp$/,/^```$/ { /^```/d; p }' "$page" >"$tree/src/resource/ptys.cpp"
check 'the file is formatted' clang-format --style=file --dry-run -Werror "$tree/src/resource/ptys.cpp"

cmake -S "$tree" -B "$tree/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug >/dev/null
cmake --build "$tree/build" -j "${JOBS:-$(nproc)}" --target brink unit_tests

readonly brink=$tree/build/app/brink/brink
row() { "$brink" limits -r ptys -o json | grep -q "\"resource\":\"ptys\",\"scope\":\"system\",\"usage\":$1,\"limit\":$(</proc/sys/kernel/pty/max),"; }
check 'limits shows what the kernel says' row "$(</proc/sys/kernel/pty/nr)"
check 'the help of limits has it' grep -q '^  ptys ' <("$brink" limits --help)
check 'top has it' grep -q '^ptys ' <("$brink" top --once -r ptys)
check 'doctor has it' grep -q '^ptys  *system ' <("$brink" doctor)
check 'a misspelt name leads to it' grep -q 'did you mean ptys?' <("$brink" limits -r pty 2>&1)
check 'the completion has it' grep -qx ptys <(
    PATH=$(dirname "$brink"):$PATH bash -c 'source packaging/completion/brink.bash && _brink_resources limits')
unit() { "$tree/build/tests/unit/unit_tests" --gtest_filter='Page.*' "$@"; }
check 'the page of resources is found to lack it' eval '! unit'
check 'the page of resources is written anew' env BRINK_WRITE_DOCS=1 "$tree/build/tests/unit/unit_tests" --gtest_filter='Page.*'
check 'the page of resources has it' grep -q '^| `ptys` | system | pseudo-terminals' "$tree/docs/resources.md"
check 'the table is found in order' unit --gtest_filter='Page.*:Table.*'

echo "$passed passed, $failed failed"
((failed == 0))
