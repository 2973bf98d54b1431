// SPDX-License-Identifier: Apache-2.0
#include "resource/shared/users.hpp"

#include <sys/resource.h>

#include "kernel/file_text.hpp"

namespace brink::resource {

namespace {

// In another user namespace uid 0 is an ordinary user of the machine. user_namespaces(7)
bool is_initial_namespace(const kernel::Machine& machine) {
    const auto text = machine.proc_text("self/uid_map");
    if (!text) return true;
    std::string_view rest = *text;
    const std::string_view inside = kernel::next_word(rest);
    const std::string_view outside = kernel::next_word(rest);
    return inside == "0" && outside == "0";
}

}  // namespace

Subject the_user(const kernel::Machine& machine, uid_t uid) {
    Subject subject;
    subject.uid = uid;
    subject.name = machine.user_name(uid);
    return subject;
}

void take_users(kernel::Machine& machine, const std::map<uid_t, std::uint64_t>& users, int rlimit,
                const Take& take) {
    const bool root_is_root = is_initial_namespace(machine);
    std::map<uid_t, Reading> readings;
    for (const auto& [uid, usage] : users) readings[uid].usage = usage;
    for (const kernel::ProcessSummary& process : machine.processes()) {
        const auto user = readings.find(process.uid);
        if (user == readings.end() || !process.has_memory) continue;
        if (process.uid == 0 && rlimit == RLIMIT_NPROC && root_is_root) continue;
        const auto limit = machine.procfs().limit(process.pid, rlimit);
        if (!limit || limit->soft >= user->second.limit) continue;
        user->second.limit = limit->soft;
        user->second.limit_hard = limit->hard;
    }
    for (const auto& [uid, reading] : readings) take(the_user(machine, uid), reading);
}

bool take_counted(kernel::Machine& machine, std::uint64_t kernel::UserCounts::*count, int rlimit,
                  const Take& take, std::uint64_t limit) {
    const std::vector<kernel::UserCounts>* users = machine.users();
    if (!users) return false;
    const std::uint32_t own = machine.own_user_namespace();
    for (const kernel::UserCounts& user : *users) {
        Subject subject = the_user(machine, user.uid);
        subject.engine = "kernel";
        const bool elsewhere = user.user_namespace != own;
        if (elsewhere) subject.user_namespace = user.user_namespace;
        if (elsewhere) subject.name += " in user:[" + std::to_string(user.user_namespace) + "]";
        // Each user namespace has a sysctl of its own for such a limit; ours is read.
        Reading reading{.usage = user.*count, .limit = elsewhere ? kUnlimited : limit};
        if (rlimit >= 0) {
            const kernel::Limit& lowest = user.limits[static_cast<std::size_t>(rlimit)];
            reading.limit = lowest.soft;
            reading.limit_hard = lowest.hard;
        }
        // The kernel exempts root of the machine, in every namespace, and nobody else.
        if (rlimit == RLIMIT_NPROC && user.uid == 0)
            reading.limit = reading.limit_hard = kUnlimited;
        take(std::move(subject), reading);
    }
    return true;
}

}  // namespace brink::resource
