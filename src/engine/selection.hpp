// SPDX-License-Identifier: Apache-2.0
// Selection: whom `brink watch` was told to watch, where that is more than one process or thread: `--unit U`,
// `--user U`, `--all` …
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "brink/resource.hpp"

namespace brink::engine {

enum class SelectBy { unit, cgroup, comm, exe, user, container, realtime, all, system };

struct Selection {
    SelectBy by = SelectBy::all;
    /// unit: with its suffix ("web.service"); cgroup: its path as in /proc/PID/cgroup ("/system.slice"), without a slash at
    /// its end; comm: at most 15 bytes; exe: an absolute path; container: its ID, or the first characters of it; user: as
    /// typed. Empty for realtime, all and system.
    std::string value;
    uid_t uid = 0;  ///< of user

    /// "unit web.service", "all", for people.
    [[nodiscard]] std::string description() const;
};

/// "unit", "all": the option without its dashes.
[[nodiscard]] std::string_view select_name(SelectBy by);
/// The other way round. REQUIRES: `name` is one of them.
[[nodiscard]] SelectBy select_by(std::string_view name);

/// Reads the value of an option; `by` is not realtime, all or system. Looks a user's name up (getpwnam(3)). The error
/// is one line: what was given, what is wrong, what would be right.
[[nodiscard]] Result<Selection> parse_selection(SelectBy by, std::string_view text);

/// Whether subjects of `resource` can be selected so.
[[nodiscard]] bool selects(SelectBy by, const Resource& resource);

}  // namespace brink::engine
