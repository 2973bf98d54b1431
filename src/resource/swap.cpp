// SPDX-License-Identifier: Apache-2.0
// swap: swap space in use against what there is (/proc/meminfo). When it is full, anonymous memory can no
// longer be moved out, and the kernel kills.
#include <algorithm>
#include <cerrno>

#include "resource/shared/system.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    const auto total = machine.proc_field("meminfo", "SwapTotal:");
    const auto free = machine.proc_field("meminfo", "SwapFree:");
    if (!total || !free) return tl::unexpected<Error>(total ? free.error() : total.error());
    if (*total == 0) return fail("there is no swap", ENOENT);
    return take_system((*total - std::min(*free, *total)) * 1024, *total * 1024, take);
}

}  // namespace

extern const Definition k_swap;
const Definition k_swap{
    .resource = {.name = "swap",
                 .scope = Scope::system,
                 .unit = Unit::bytes,
                 .summary = "swap space",
                 .limited_by = "the swap areas, swapon(8)",
                 .exactness = "exact"},
    .read_all = read_all,
};

}  // namespace brink::resource
