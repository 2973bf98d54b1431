// SPDX-License-Identifier: Apache-2.0
#include "resource/shared/system.hpp"

#include <cerrno>

#include "kernel/file_text.hpp"

namespace brink::resource {

Result<std::string> take_system(const Result<std::uint64_t>& usage,
                                const Result<std::uint64_t>& limit, const Take& take) {
    if (!usage) return tl::unexpected<Error>(usage.error());
    if (!limit) return tl::unexpected<Error>(limit.error());
    Subject subject;
    subject.name = "the system";
    take(std::move(subject), Reading{.usage = *usage, .limit = *limit});
    return "";
}

Result<std::uint64_t> all_threads(const kernel::Machine& machine) {
    const auto text = machine.proc_text("loadavg");
    if (!text) return tl::unexpected<Error>(text.error());
    std::string_view rest = *text;
    for (int i = 0; i < 3; ++i) (void)kernel::next_word(rest);
    const std::string_view tasks = kernel::next_word(rest);
    const auto all = kernel::to_number<std::uint64_t>(tasks.substr(tasks.find('/') + 1));
    if (!all) return fail("loadavg has no number of threads", EINVAL);
    return *all;
}

}  // namespace brink::resource
