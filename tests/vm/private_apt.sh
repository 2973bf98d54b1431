# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Sourced. apt with a state of its own: the machine's packages are not touched, no privileges are needed,
# and the archive's signatures are checked.

# Makes folder $1 such a state; its configuration is $1/apt.conf. The machine's settings (its sources, say, or a
# proxy) still hold; its hooks do not.
private_apt() {
    local apt=$1
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    : >"$apt/status"
    cat >"$apt/apt.conf" <<END
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
END
}

# Runs "$@" up to three times: mirrors are sometimes in the middle of an update.
retry() {
    local attempt
    for attempt in 1 2 3; do
        "$@" && return
        ((attempt < 3)) || return
        echo "${0##*/}: $1 failed, trying again" >&2
        sleep $((attempt * 5))
    done
}
