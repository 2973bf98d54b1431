// SPDX-License-Identifier: Apache-2.0
// sigpending: signals that are queued for the processes of a user (of the real user id) against
// RLIMIT_SIGPENDING (getrlimit(2)): ucounts->rlimit[UCOUNT_RLIMIT_SIGPENDING]. POSIX timers count as well,
// each from timer_create(2) on. "SigQ" in /proc/PID/status has the count of the process's user; each process
// has a limit of its own, and the lowest soft one is shown.
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "resource/shared/users.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    if (take_counted(machine, &kernel::UserCounts::signals, RLIMIT_SIGPENDING, take)) return "";
    std::map<uid_t, std::uint64_t> users;
    for (const kernel::ProcessSummary& process : machine.processes()) {
        std::uint64_t& pending = users[process.uid];
        pending = std::max(pending, process.pending_signals);
    }
    take_users(machine, users, RLIMIT_SIGPENDING, take);
    return "";
}

}  // namespace

extern const Definition k_sigpending;
const Definition k_sigpending{
    .resource = {.name = "sigpending",
                 .scope = Scope::user,
                 .unit = Unit::count,
                 .summary = "signals queued for the processes of a user",
                 .limited_by = "RLIMIT_SIGPENDING",
                 .denied_errno = EAGAIN,
                 .exactness = "without hooks user namespaces are not told apart",
                 .hooked = Hooked::user_signals},
    .read_all = read_all,
};

}  // namespace brink::resource
