// SPDX-License-Identifier: Apache-2.0
// msgqueue: POSIX message queues of a user against RLIMIT_MSGQUEUE (getrlimit(2)): what the queues could hold,
// not what they hold. The kernel keeps it as ucounts->rlimit[UCOUNT_RLIMIT_MSGQUEUE], and shows it nowhere;
// from outside it is added up over the queues of the reader's IPC namespace, by the formula of
// mqueue_get_inode() in ipc/mqueue.c, with the sizes of a 64-bit kernel. Needs the mqueue file system to be
// mounted, and the right to read the queues.
#include <fcntl.h>
#include <mqueue.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>

#include "resource/shared/users.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

constexpr std::uint64_t kMessage = 48;   // struct msg_msg
constexpr std::uint64_t kTreeNode = 48;  // struct posix_msg_tree_node
constexpr std::uint64_t kPriorities = 32768;

// What the queue behind `queue` counts, for the user who made it.
bool add(mqd_t queue, std::map<uid_t, std::uint64_t>& users) {
    mq_attr attributes{};
    struct stat status {};
    if (::mq_getattr(queue, &attributes) != 0 || ::fstat(queue, &status) != 0) return false;
    const auto messages = static_cast<std::uint64_t>(attributes.mq_maxmsg);
    users[status.st_uid] += messages *
                                (kMessage + static_cast<std::uint64_t>(attributes.mq_msgsize)) +
                            std::min(messages, kPriorities) * kTreeNode;
    return true;
}

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    if (take_counted(machine, &kernel::UserCounts::queue_bytes, RLIMIT_MSGQUEUE, take)) return "";
    if (!machine.mounts()) return tl::unexpected<Error>(machine.mounts().error());
    const kernel::Mount* mount = nullptr;
    for (const kernel::Mount& candidate : *machine.mounts())
        if (candidate.type == "mqueue") mount = &candidate;
    if (!mount)
        return fail("the mqueue file system is not mounted, so the queues cannot be listed");
    std::map<uid_t, std::uint64_t> users;
    std::size_t unreadable = 0;
    std::error_code error;
    std::filesystem::directory_iterator entry(mount->point, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const std::string name = "/" + entry->path().filename().string();
        const mqd_t queue = ::mq_open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (queue == mqd_t(-1) || !add(queue, users)) ++unreadable;
        if (queue != mqd_t(-1)) ::mq_close(queue);
    }
    if (error) return fail(mount->point + ": " + error.message(), error.value());
    if (users.empty() && unreadable == 0) return fail("there are no message queues", ENOENT);
    take_users(machine, users, RLIMIT_MSGQUEUE, take);
    return unreadable ? some(unreadable, "queue") + " may not be read" : "";
}

}  // namespace

extern const Definition k_msgqueue;
const Definition k_msgqueue{
    .resource =
        {.name = "msgqueue",
         .scope = Scope::user,
         .unit = Unit::bytes,
         .summary = "POSIX message queues of a user",
         .limited_by = "RLIMIT_MSGQUEUE",
         .denied_errno = EMFILE,
         .exactness =
             "exact in the reader's IPC namespace, as long as no queue was given to another owner",
         .hooked = Hooked::user_queues},
    .read_all = read_all,
};

}  // namespace brink::resource
