// SPDX-License-Identifier: Apache-2.0
// nproc: processes and threads of a user (of the real user id) against RLIMIT_NPROC (getrlimit(2)):
// ucounts->rlimit[UCOUNT_RLIMIT_NPROC], per user and user namespace since Linux 5.14. Each process has a limit
// of its own for the same count; the lowest soft limit among the user's processes is shown. The kernel does
// not hold uid 0 to it, nor who has CAP_SYS_RESOURCE or CAP_SYS_ADMIN. From outside the threads of /proc are
// added up.
#include <sys/resource.h>

#include <cerrno>
#include <map>

#include "resource/shared/users.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    if (take_counted(machine, &kernel::UserCounts::processes, RLIMIT_NPROC, take)) return "";
    std::map<uid_t, std::uint64_t> users;
    for (const kernel::ProcessSummary& process : machine.processes())
        users[process.uid] += process.threads;
    take_users(machine, users, RLIMIT_NPROC, take);
    return "";
}

}  // namespace

extern const Definition k_nproc;
const Definition k_nproc{
    .resource = {.name = "nproc",
                 .scope = Scope::user,
                 .unit = Unit::count,
                 .summary = "processes and threads of a user",
                 .limited_by = "RLIMIT_NPROC",
                 .denied_errno = EAGAIN,
                 .exactness = "without hooks user namespaces are not told apart",
                 .hooked = Hooked::user_processes,
                 .evidence = true},
    .read_all = read_all,
};

}  // namespace brink::resource
