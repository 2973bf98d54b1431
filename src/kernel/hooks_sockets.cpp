// SPDX-License-Identifier: Apache-2.0
// What Hooks does where listening sockets are watched.
#include "kernel/hooks.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <string_view>

#include "base/fd.hpp"
#include "brink_bpf.skel.h"
#include "kernel/iterator_records.hpp"

namespace brink::kernel {

Result<std::vector<brink_answer>> Hooks::link_listening(std::uint32_t index) {
    std::vector<brink_answer> all;
    skeleton_->bss->command = {};
    skeleton_->bss->command.watch = index;
    for (const bpf_link* iterator : iterators()) {
        const Fd fd(bpf_iter_create(bpf_link__fd(iterator)));
        if (!fd) return fail_errno("cannot make an iterator of sockets");
        const auto found = read_records<brink_answer>(fd.get());
        if (!found) return found;
        all.insert(all.end(), found->begin(), found->end());
    }
    return all;
}

}  // namespace brink::kernel
