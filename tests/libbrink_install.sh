#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the build $1 to a folder of its own, and builds a program against what is there: shared through pkg-config, and
# static through the CMake package. Both must say that there is no daemon, and nothing else of brink may be visible.

set -euo pipefail

build=$(realpath "$1")
source=$(dirname "$(readlink -f "$0")")/..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/usr" >/dev/null
lib=$(dirname "$(find "$work/usr" -name libbrink.so | head -n 1)")
# The prefix was set when the build was configured; a package is configured with its own.
sed -i "s|^prefix=.*|prefix=$work/usr|; s|^libdir=.*|libdir=$lib|; s|^includedir=.*|includedir=$work/usr/include|" \
    "$lib/pkgconfig/libbrink.pc"
sed -i "s|\"/[^\"]*/libbrink.a\"|\"$lib/libbrink.a\"|; s|INTERFACE_INCLUDE_DIRECTORIES \"[^\"]*\"|INTERFACE_INCLUDE_DIRECTORIES \"$work/usr/include\"|" \
    "$lib/cmake/brink/brink-config.cmake"

expect_no_daemon() {
    local status=0 said
    said=$(BRINK_SOCKET=$work/none LD_LIBRARY_PATH=$lib "$1" 2>&1) || status=$?
    [[ $status == 1 && $said == *"$work/none"*'No such file'* ]] || {
        echo "$1: status $status, said: $said"
        exit 1
    }
}

export PKG_CONFIG_PATH=$lib/pkgconfig
# shellcheck disable=SC2046 # words
cc -Wall -Werror "$source/examples/first_event.c" $(pkg-config --cflags --libs libbrink) -o "$work/shared"
expect_no_daemon "$work/shared"

visible=$(nm -D --defined-only "$lib/libbrink.so" | awk '$2 ~ /[TDB]/ { print $3 }' | sed 's/@.*//' | sort)
[[ -z $(grep -v '^brink_' <<<"$visible" | grep -v '^BRINK_1$' || true) ]] || {
    echo "libbrink.so shows more than brink_*: $visible"
    exit 1
}

mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(uses_brink C CXX)
find_package(brink 1 REQUIRED)
add_executable(static first_event.c)
target_link_libraries(static PRIVATE brink::brink_static)
add_executable(shared first_event.c)
target_link_libraries(shared PRIVATE brink::brink)
END
cp "$source/examples/first_event.c" "$work/project/"
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/usr" >/dev/null
cmake --build "$work/project/build" >"$work/log" 2>&1 || { cat "$work/log" && exit 1; }
expect_no_daemon "$work/project/build/static"
expect_no_daemon "$work/project/build/shared"
! ldd "$work/project/build/static" | grep -q libbrink
