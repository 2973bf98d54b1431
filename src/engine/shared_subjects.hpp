// SPDX-License-Identifier: Apache-2.0
// SharedSubjects: watches on what is no process: users, cgroups and listening sockets. What is there when a watch is set is found from
// outside and linked; what comes later the hooks link themselves (src/bpf/shared.bpf.c) and, where it depends on a path or
// on a process, this class lets go of what was not selected.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.hpp"
#include "bpf/wire.h"
#include "brink/resource.hpp"
#include "engine/selection.hpp"
#include "kernel/cgroup_tree.hpp"
#include "kernel/hooks.hpp"
#include "kernel/procfs.hpp"
#include "resource/table.hpp"

namespace brink::engine {

class SharedSubjects {
  public:
    /// `hooks` outlives it.
    explicit SharedSubjects(kernel::Hooks& hooks) : hooks_(hooks) {}

    /// Sets watch `number` on what `selection` means. REQUIRES: the hooks are attached; the
    /// scope of `resource` is not process. Errors: ENOSPC, the tables are full; EOPNOTSUPP, there is no such limit on
    /// this machine (cgroup v1); what /proc says.
    [[nodiscard]] Result<void> select(std::uint32_t number, const Resource& resource,
                                      const Selection& selection);

    /// The watch is gone.
    void remove(std::uint32_t number) { watched_.erase(number); }

    /// Asks all processes for their limits again, where the lowest of a user's may have risen.
    void gather_limits();

    /// Looks at a record before it is handed over. False: it is not to be.
    [[nodiscard]] bool takes(const brink_record& record);

    /// Whose tally it is; nullptr: a process's. Valid until a record of that tally is taken.
    [[nodiscard]] const resource::Subject* subject_of(std::uint32_t tally) const;

  private:
    struct Watched {
        const Resource* resource;
        Selection selection;
        std::optional<kernel::CgroupTree> tree;  // of scope cgroup
    };
    struct Bound {
        brink_u32 generation = 0;
        bool fresh = false;  // its first count is pending
    };
    using Tallies = std::map<brink_u32, Bound>;
    struct Known {
        brink_u32 generation = 0;
        bool wanted = true;
        resource::Subject subject;
    };

    [[nodiscard]] Result<void> bind_users(std::uint32_t number);
    [[nodiscard]] Result<void> bind_cgroups(std::uint32_t number, const Watched& watched);
    [[nodiscard]] Result<void> bind_sockets(std::uint32_t number, const Watched& watched);
    [[nodiscard]] Result<void> bind(std::uint32_t number, const std::string& directory,
                                    Tallies& bound);
    void settle(const Tallies& bound);
    [[nodiscard]] std::string path_of(const brink_record& record,
                                      const kernel::CgroupTree& tree) const;
    [[nodiscard]] resource::Subject subject_in(const brink_record& record, const Watched& watched);
    [[nodiscard]] bool is_wanted(const Watched& watched, const resource::Subject& subject) const;
    void let_go(std::uint32_t tally, std::uint32_t generation);

    kernel::Hooks& hooks_;
    kernel::Procfs procfs_;
    std::map<std::uint32_t, Watched> watched_;        // by watch
    std::unordered_map<std::uint32_t, Known> known_;  // by tally
    std::uint32_t own_namespace_ = 0;                 // 0: not asked yet
};

}  // namespace brink::engine
