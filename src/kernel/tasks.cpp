// SPDX-License-Identifier: Apache-2.0
#include "kernel/tasks.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include "base/fd.hpp"
#include "brink_tasks.skel.h"
#include "kernel/libbpf_messages.hpp"

namespace brink::kernel {
namespace {

using Skeleton = std::unique_ptr<brink_tasks, void (*)(brink_tasks*)>;

// Records come whole, but a read can end within one.
Result<std::vector<brink_task>> read_all(int fd) {
    std::vector<brink_task> tasks(256);
    std::size_t bytes = 0;
    for (;;) {
        if (bytes + sizeof(brink_task) > tasks.size() * sizeof(brink_task))
            tasks.resize(2 * tasks.size());
        const ssize_t got = ::read(fd, reinterpret_cast<char*>(tasks.data()) + bytes,
                                   tasks.size() * sizeof(brink_task) - bytes);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return fail_errno("cannot read the task iterator");
        if (got == 0) break;
        bytes += static_cast<std::size_t>(got);
    }
    tasks.resize(bytes / sizeof(brink_task));
    return tasks;
}

}  // namespace

Result<std::vector<brink_task>> read_tasks() {
    if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0)
        return fail("this kernel does not describe its types (/sys/kernel/btf/vmlinux is missing)",
                    ENOENT);
    LibbpfMessages messages;
    const Skeleton skeleton(brink_tasks__open(), brink_tasks__destroy);
    if (!skeleton) return fail("cannot prepare the task iterator: " + messages.why(errno), errno);
    if (const int error = brink_tasks__load(skeleton.get()))
        return fail(messages.why(-error), -error);
    const std::unique_ptr<bpf_link, int (*)(bpf_link*)> link(
        bpf_program__attach_iter(skeleton->progs.on_task, nullptr), bpf_link__destroy);
    if (!link) return fail(messages.why(errno), errno);
    const Fd fd(bpf_iter_create(bpf_link__fd(link.get())));
    if (!fd) return fail_errno("cannot make a task iterator");
    return read_all(fd.get());
}

}  // namespace brink::kernel
