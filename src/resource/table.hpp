// SPDX-License-Identifier: Apache-2.0
// What a file of src/resource defines: the resource, and how its usage and limit are read from outside. The table of
// them is generated (cmake/file_table.cmake).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "brink/resource.hpp"
#include "kernel/machine.hpp"
#include "kernel/process_files.hpp"

namespace brink::resource {

inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

/// Usage and limits of one subject at one moment, in the unit of the resource.
struct Reading {
    std::uint64_t usage = 0;
    std::uint64_t limit = kUnlimited;       ///< what the kernel enforces: of an rlimit the soft one
    std::uint64_t limit_hard = kUnlimited;  ///< of an rlimit; elsewhere kUnlimited
};

/// Whose usage it is. What does not apply is empty.
struct Subject {
    std::string name;                  ///< for people: "leaky[1234]", "user www-data", "/home"
    std::optional<std::int32_t> pid;   ///< in the reader's pid namespace
    std::string comm;                  ///< of `pid`
    std::optional<std::uint32_t> uid;  ///< Scope::user: the user; else the owner, where it is known
    std::uint32_t user_namespace =
        0;               ///< Scope::user: inode number, where it is not the reader's own
    std::string cgroup;  ///< Scope::cgroup: its path, as in /proc/PID/cgroup; empty: the system
    std::string target;  ///< an address, a mount point, a page size: which of several
    std::uint64_t inode = 0;           ///< Scope::socket: tells those of one address apart
    std::string_view engine = "poll";  ///< with which it was read: "kernel" for the task iterator
};

/// Takes what one subject uses.
using Take = std::function<void(Subject, const Reading&)>;

struct Definition {
    Resource resource;

    /// Scope::process: reads one. The error: it has ended (ESRCH), or may not be read.
    Result<Reading> (*read_process)(const kernel::ProcessFiles&) = nullptr;

    /// The other scopes: reads every subject. The answer: what is missing from what was taken, and
    /// why; empty if nothing is. The error: why nothing could be read; ENOENT, there is nothing now; EOPNOTSUPP, there
    /// cannot be on this machine.
    Result<std::string> (*read_all)(kernel::Machine&, const Take&) = nullptr;
};

/// Whose count it is: the scope of the resource, but the system where pressure is not that of a cgroup.
[[nodiscard]] Scope scope_of(const Resource& resource, const Subject& subject);

/// REQUIRES: `resource` is one of resources().
[[nodiscard]] const Definition& definition_of(const Resource& resource);

/// The soft and the hard limit of `process` with a usage that was read; `unit`: base units in one unit of the rlimit.
[[nodiscard]] Result<Reading> against_rlimit(const kernel::ProcessFiles& process,
                                             Result<std::uint64_t> usage, int rlimit,
                                             std::uint64_t unit = 1);

/// Which limit of getrlimit(2) a resource of a process has, and how many base units of the resource are one of its units;
/// nullopt where the kernel enforces another limit, or none.
struct Rlimit {
    int number = 0;
    std::uint64_t unit = 1;
};
[[nodiscard]] std::optional<Rlimit> rlimit_of(const Resource& resource);

/// "1 process", "2 processes".
[[nodiscard]] std::string some(std::size_t count, std::string_view noun);

extern const Definition* const k_table[];
extern const unsigned long k_table_size;

}  // namespace brink::resource
