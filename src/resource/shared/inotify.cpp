// SPDX-License-Identifier: Apache-2.0
#include "resource/shared/inotify.hpp"

#include <cerrno>
#include <map>
#include <unordered_map>

#include "resource/shared/users.hpp"

namespace brink::resource {

Result<std::string> take_inotify(
    kernel::Machine& machine, std::string_view limit, std::uint64_t kernel::UserCounts::*counted,
    const std::function<Result<std::uint64_t>(const kernel::InotifyInstance&)>& count,
    const Take& take) {
    const auto most = machine.proc_number(limit);
    if (!most) return tl::unexpected<Error>(most.error());
    if (take_counted(machine, counted, -1, take, *most)) return "";
    std::unordered_map<pid_t, uid_t> owners;
    std::map<uid_t, std::uint64_t> users;
    for (const kernel::ProcessSummary& process : machine.processes()) {
        owners[process.pid] = process.uid_effective;
        users.try_emplace(process.uid_effective, 0);
    }
    std::size_t uncounted = 0;
    for (const kernel::InotifyInstance& instance : machine.descriptors().inotify()) {
        const auto owner = owners.find(instance.pid);
        const auto more = count(instance);
        if (owner != owners.end() && more)
            users[owner->second] += *more;
        else if (!more && more.error().code != ENOENT)  // else it was closed meanwhile
            ++uncounted;
    }
    const std::size_t unread = machine.descriptors().unreadable() + uncounted;
    // Where not everything may be read, a user of whom nothing was found may have something all the same.
    for (const auto& [uid, usage] : users)
        if (usage != 0 || unread == 0)
            take(the_user(machine, uid), Reading{.usage = usage, .limit = *most});
    return unread ? "the descriptors of " + some(unread, "process") + " may not be read" : "";
}

}  // namespace brink::resource
