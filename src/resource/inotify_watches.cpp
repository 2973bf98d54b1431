// SPDX-License-Identifier: Apache-2.0
// inotify_watches: inotify watches of a user (of the effective user id) against fs.inotify.max_user_watches
// (inotify(7)): ucounts->ucount[UCOUNT_INOTIFY_WATCHES]. The kernel shows the count nowhere; from outside the
// lines "inotify wd:" of each instance are counted (/proc/PID/fdinfo/FD).
#include <cerrno>

#include "kernel/file_text.hpp"
#include "resource/shared/inotify.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    const kernel::Procfs& procfs = machine.procfs();
    const auto watches = [&](const kernel::InotifyInstance& instance) -> Result<std::uint64_t> {
        const std::string name = "fdinfo/" + std::to_string(instance.fd);
        std::uint64_t count = 0;
        const auto read = kernel::for_each_line(procfs.path(instance.pid, name),
                                                [&](std::string_view line) {
                                                    count += line.starts_with("inotify wd:");
                                                });
        if (!read) return tl::unexpected<Error>(read.error());
        return count;
    };
    return take_inotify(machine, "sys/fs/inotify/max_user_watches",
                        &kernel::UserCounts::inotify_watches, watches, take);
}

}  // namespace

extern const Definition k_inotify_watches;
const Definition k_inotify_watches{
    .resource = {.name = "inotify_watches",
                 .scope = Scope::user,
                 .unit = Unit::count,
                 .summary = "inotify watches of a user",
                 .limited_by = "fs.inotify.max_user_watches",
                 .denied_errno = ENOSPC,
                 .exactness = "task iterator: users without a process are not seen; /proc: who "
                              "made an instance is taken to be who holds it",
                 .hooked = Hooked::user_inotify_watches},
    .read_all = read_all,
};

}  // namespace brink::resource
