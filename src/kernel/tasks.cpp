// SPDX-License-Identifier: Apache-2.0
#include "kernel/tasks.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "brink_tasks.skel.h"
#include "kernel/btf_options.hpp"
#include "kernel/file_text.hpp"
#include "kernel/iterator_records.hpp"
#include "kernel/libbpf_messages.hpp"

namespace brink::kernel {
Result<std::unique_ptr<TaskIterator>> TaskIterator::load() {
    if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0)
        return fail("this kernel does not describe its types (/sys/kernel/btf/vmlinux is missing)",
                    ENOENT);
    // Its numbers are those of our pid namespace; /proc can be mounted for another.
    if (read_link(AT_FDCWD, "/proc/self") != std::to_string(::getpid()))
        return fail("/proc shows the processes of another pid namespace; mount it for this one",
                    EXDEV);
    LibbpfMessages messages;
    std::unique_ptr<TaskIterator> iterator(new TaskIterator);
    const bpf_object_open_opts opening = open_options({});
    iterator->skeleton_ = brink_tasks__open_opts(&opening);
    if (!iterator->skeleton_)
        return fail("cannot prepare the task iterator: " + messages.why(errno), errno);
    if (const int error = brink_tasks__load(iterator->skeleton_))
        return fail(messages.why(-error), -error);
    iterator->link_ = bpf_program__attach_iter(iterator->skeleton_->progs.on_task, nullptr);
    if (!iterator->link_) return fail(messages.why(errno), errno);
    return iterator;
}

TaskIterator::~TaskIterator() {
    bpf_link__destroy(link_);
    brink_tasks__destroy(skeleton_);
}

Result<std::vector<brink_task>> TaskIterator::read() const {
    const Fd fd(bpf_iter_create(bpf_link__fd(link_)));
    if (!fd) return fail_errno("cannot make a task iterator");
    return read_records<brink_task>(fd.get());
}

}  // namespace brink::kernel
