// SPDX-License-Identifier: Apache-2.0
// CgroupTree: the cgroups of one hierarchy and the files of its controller, cgroups(7). With cgroup v1 each controller
// has a hierarchy of its own, with other file names; with v2 there is one for all.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "kernel/mounts.hpp"

namespace brink::kernel {

/// One cgroup: a directory.
class Cgroup {
  public:
    Cgroup(std::string path, std::string directory)
        : path_(std::move(path)), directory_(std::move(directory)) {}

    /// "/" or "/system.slice/x.service": as /proc/PID/cgroup has it.
    [[nodiscard]] const std::string& path() const { return path_; }
    /// Where its files are.
    [[nodiscard]] const std::string& directory() const { return directory_; }

    /// Whether it is the root of a whole hierarchy of v2, and not of a part that a container sees: its pressure is that of
    /// the system. Only that root has no cgroup.events (cgroups(7)).
    [[nodiscard]] bool is_whole_machine() const;

    [[nodiscard]] Cgroup child(const std::string& name) const;
    /// Those directly below, in order.
    [[nodiscard]] std::vector<Cgroup> children() const;

    /// The number in file `name`; "max" is ~0, and so is anything v1 means by unlimited (2^62 and more). Errors:
    /// ENOENT, the cgroup is gone, or has no such file (the root cgroup has no limits; a controller that is not
    /// enabled).
    [[nodiscard]] Result<std::uint64_t> number(std::string_view name) const;

    /// The number behind `key` in a file of lines "key number". Errors as above.
    [[nodiscard]] Result<std::uint64_t> field(std::string_view name, std::string_view key) const;

    /// A file whole.
    [[nodiscard]] Result<std::string> text(std::string_view name) const;

  private:
    std::string path_;
    std::string directory_;
};

class CgroupTree {
  public:
    /// The hierarchy that has `controller` ("memory"). Errors: ENOENT, none has: it is not mounted or not built in.
    [[nodiscard]] static Result<CgroupTree> find(const std::vector<Mount>& mounts,
                                                 std::string_view controller);

    /// That of cgroup v2. Errors: ENOENT, it is not mounted.
    [[nodiscard]] static Result<CgroupTree> unified(const std::vector<Mount>& mounts);

    /// 1 or 2.
    [[nodiscard]] int version() const { return version_; }

    /// The one that is mounted.
    [[nodiscard]] Cgroup root() const { return {root_.empty() ? "/" : root_, point_}; }

    /// The path of the cgroup with this number, which is what name_to_handle_at(2) gives for its directory and is never
    /// used again; "" if it is gone, or handles may not be opened (CAP_DAC_READ_SEARCH).
    [[nodiscard]] std::string path(std::uint64_t id) const;

    /// Visits every cgroup below where the hierarchy is mounted, parents first, names in order.
    void visit(const std::function<void(const Cgroup&)>& visitor) const;

  private:
    explicit CgroupTree(const Mount& mount);

    std::string point_;
    std::string root_;  // path of the cgroup that is mounted there
    int version_ = 2;
};

}  // namespace brink::kernel
