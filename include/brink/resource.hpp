// SPDX-License-Identifier: Apache-2.0
// The table of resources: what can be watched. One row is one file of src/resource; the command
// line, `doctor` and the documentation iterate the table.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace brink {

enum class Scope { process, user, cgroup, socket, system };
enum class Unit { count, bytes, time_ns };

struct Resource {
    std::string_view name;  ///< as in `-w NAME=…`
    Scope scope;
    Unit unit;
    std::string_view summary;    ///< one line for people
    int rlimit;                  ///< RLIMIT_… whose soft limit is the limit, or -1
    int denied_errno;            ///< what a program sees when the limit bites
    std::string_view exactness;  ///< "exact", or the tolerance and why
};

/// Every resource, by name. The storage is static; usable from any thread.
[[nodiscard]] std::span<const Resource* const> resources();

/// nullptr if there is no such resource.
[[nodiscard]] const Resource* find_resource(std::string_view name);

/// The name that was probably meant by `name`; empty if none comes near.
[[nodiscard]] std::string_view nearest_resource(std::string_view name);

}  // namespace brink
