// SPDX-License-Identifier: Apache-2.0
// CgroupFollower: the cgroups of a hierarchy of v2 that are there, those that come and go, and files of theirs that the
// kernel says have changed; by inotify(7), so that nothing happens while nothing happens. cgroup v1 tells of its folders,
// but not of its files.
//
// Each cgroup takes a watch of fs.inotify.max_user_watches, and each file followed one more.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "kernel/cgroup_tree.hpp"

namespace brink::kernel {

class CgroupFollower {
  public:
    /// What is to be done when something happens. They may call follow_file().
    struct Handlers {
        std::function<void(const Cgroup&)> on_birth;
        std::function<void(const std::string& path)> on_death;
        std::function<void(std::uint64_t key)> on_change;  ///< of a file followed
    };

    /// Nothing is followed before start(). Errors: those of inotify_init1(2).
    [[nodiscard]] static Result<std::unique_ptr<CgroupFollower>> create(const CgroupTree& tree,
                                                                        Handlers handlers);

    /// Calls on_birth for each cgroup that is there.
    void start();

    /// Calls `visitor` with each cgroup that is followed, in no order.
    void visit(const std::function<void(const Cgroup&)>& visitor) const;

    /// Calls on_change with `key` when the kernel says that file `name` of `cgroup` has changed, until the cgroup goes. A
    /// file can be followed under several keys.
    /// Errors: ENOENT, there is no such file; ENOSPC, the user has no watch left.
    [[nodiscard]] Result<void> follow_file(const Cgroup& cgroup, const std::string& name,
                                           std::uint64_t key);

    [[nodiscard]] int fd() const { return inotify_.get(); }
    void read();

    /// Whether, since it was asked last, something could not be followed because the user has no watch left.
    [[nodiscard]] bool take_missed() { return std::exchange(missed_, false); }
    static constexpr std::string_view kMissed =
        "not every cgroup is followed: fs.inotify.max_user_watches is used up";

  private:
    struct Followed {
        int folder = -1;
        std::unordered_map<std::string, int> files;  // watch by name
        Cgroup cgroup;
        bool seen = true;  // at this scan
    };

    CgroupFollower(Cgroup root, Handlers handlers)
        : root_(std::move(root)), handlers_(std::move(handlers)) {}
    void enter(const Cgroup& cgroup);
    void leave(const std::string& path);
    void take(int watch, std::uint32_t mask, const char* name);
    void scan();

    Cgroup root_;
    Handlers handlers_;
    Fd inotify_;
    std::unordered_map<std::string, Followed> followed_;         // by path
    std::unordered_map<int, std::string> folders_;               // path by watch
    std::unordered_map<int, std::vector<std::uint64_t>> files_;  // keys by watch
    bool missed_ = false;
};

}  // namespace brink::kernel
