#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints which brink is measured: the commit, and whether its programs were changed since.

set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

if ! commit=$(git rev-parse --short HEAD 2>/dev/null); then
    echo unknown
elif [[ $(git status --porcelain -- src app include) ]]; then
    echo "$commit, changed"
else
    echo "$commit"
fi
