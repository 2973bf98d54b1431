// SPDX-License-Identifier: Apache-2.0
// conntrack: tracked connections against net.netfilter.nf_conntrack_max
// (Documentation/networking/nf_conntrack-sysctl.rst), of the reader's network namespace. Beyond it packets of
// new connections are dropped. There is nothing where nf_conntrack is not loaded.
#include <cerrno>

#include "resource/shared/system.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    const auto usage = machine.proc_number("sys/net/netfilter/nf_conntrack_count");
    if (!usage && usage.error().code == ENOENT) return fail("nf_conntrack is not loaded", ENOENT);
    // With 0 the kernel does not look at the count.
    const auto limit =
        machine.proc_number("sys/net/netfilter/nf_conntrack_max").map([](std::uint64_t most) {
            return most ? most : kUnlimited;
        });
    return take_system(usage, limit, take);
}

}  // namespace

extern const Definition k_conntrack;
const Definition k_conntrack{
    .resource = {.name = "conntrack",
                 .scope = Scope::system,
                 .unit = Unit::count,
                 .summary = "tracked connections",
                 .limited_by = "net.netfilter.nf_conntrack_max",
                 .exactness = "exact"},
    .read_all = read_all,
};

}  // namespace brink::resource
