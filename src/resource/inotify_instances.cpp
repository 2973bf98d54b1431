// SPDX-License-Identifier: Apache-2.0
// inotify_instances: inotify instances of a user (of the effective user id) against
// fs.inotify.max_user_instances (inotify(7)): ucounts->ucount[UCOUNT_INOTIFY_INSTANCES]. The kernel shows the
// count nowhere; from outside the instances are looked for among the descriptors of all processes, each
// counted once (kcmp(2)) for the user of a process that holds it.
#include <cerrno>

#include "resource/shared/inotify.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_inotify(
        machine, "sys/fs/inotify/max_user_instances", &kernel::UserCounts::inotify_instances,
        [](const kernel::InotifyInstance&) -> Result<std::uint64_t> { return 1; }, take);
}

}  // namespace

extern const Definition k_inotify_instances;
const Definition k_inotify_instances{
    .resource = {.name = "inotify_instances",
                 .scope = Scope::user,
                 .unit = Unit::count,
                 .summary = "inotify instances of a user",
                 .limited_by = "fs.inotify.max_user_instances",
                 .denied_errno = EMFILE,
                 .exactness = "task iterator: users without a process are not seen; /proc: who "
                              "made an instance is taken to be who holds it",
                 .hooked = Hooked::user_inotify_instances},
    .read_all = read_all,
};

}  // namespace brink::resource
