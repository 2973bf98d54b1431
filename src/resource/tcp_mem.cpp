// SPDX-License-Identifier: Apache-2.0
// tcp_mem: memory of TCP sockets, of the whole system, against the third number of net.ipv4.tcp_mem (tcp(7)),
// beyond which connections are dropped. Both count pages; /proc/net/sockstat has the usage.
#include <unistd.h>

#include "resource/shared/system.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const auto bytes = [page](std::uint64_t pages) { return pages * page; };
    // The line of TCP is the first that has the word.
    return take_system(machine.proc_field("net/sockstat", "mem").map(bytes),
                       machine.proc_number("sys/net/ipv4/tcp_mem", 2).map(bytes), take);
}

}  // namespace

extern const Definition k_tcp_mem;
const Definition k_tcp_mem{
    .resource = {.name = "tcp_mem",
                 .scope = Scope::system,
                 .unit = Unit::bytes,
                 .summary = "memory of TCP sockets",
                 .limited_by = "net.ipv4.tcp_mem",
                 .exactness = "the kernel counts in batches per processor"},
    .read_all = read_all,
};

}  // namespace brink::resource
