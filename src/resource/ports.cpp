// SPDX-License-Identifier: Apache-2.0
// ports: ephemeral TCP ports in use from one local address to one destination, against how many there are:
// net.ipv4.ip_local_port_range without net.ipv4.ip_local_reserved_ports (ip(7)). A port can serve many
// destinations at once, but each only once: it is towards one destination that they run out, and connect(2)
// fails with EADDRNOTAVAIL. TIME-WAIT counts. One row for each destination, of the reader's network namespace.
#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "kernel/file_text.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t reserved = 0;  // of those between

    [[nodiscard]] bool has(std::uint64_t port) const { return port >= first && port <= last; }
    [[nodiscard]] std::uint64_t size() const { return last - first + 1 - reserved; }
};

// "8080,9000-9100": how many of these are in `range`.
std::uint64_t count_reserved(std::string_view list, const Range& range) {
    std::uint64_t count = 0;
    while (!list.empty()) {
        const std::string_view part = list.substr(0, list.find(','));
        list.remove_prefix(std::min(part.size() + 1, list.size()));
        const std::size_t dash = part.find('-');
        const auto from = kernel::to_number<std::uint64_t>(part.substr(0, dash));
        const auto to = dash == part.npos ? from
                                          : kernel::to_number<std::uint64_t>(part.substr(dash + 1));
        if (!from || !to) continue;
        const std::uint64_t low = std::max(*from, range.first);
        const std::uint64_t high = std::min(*to, range.last);
        if (low <= high) count += high - low + 1;
    }
    return count;
}

Result<Range> read_range(const kernel::Machine& machine) {
    constexpr std::string_view kRange = "sys/net/ipv4/ip_local_port_range";
    const auto first = machine.proc_number(kRange, 0);
    const auto last = machine.proc_number(kRange, 1);
    if (!first || !last) return tl::unexpected<Error>(first ? last.error() : first.error());
    Range range{*first, *last, 0};
    if (const auto reserved = machine.proc_text("sys/net/ipv4/ip_local_reserved_ports"))
        range.reserved = count_reserved(std::string_view(*reserved).substr(0, reserved->find('\n')),
                                        range);
    return range;
}

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    const auto range = read_range(machine);
    if (!range) return tl::unexpected<Error>(range.error());
    const auto connections = kernel::tcp_connections();
    if (!connections) return tl::unexpected<Error>(connections.error());
    // Towards a server on such a port it is the peers who use up ports.
    std::set<std::uint16_t> served;
    for (const kernel::ListeningSocket& socket : machine.listening().sockets)
        served.insert(socket.port);
    std::map<std::string, std::uint64_t> used;
    for (const kernel::Connection& connection : *connections)
        if (range->has(connection.local_port) && !served.contains(connection.local_port))
            ++used["tcp " + connection.local + " to " + connection.remote];
    for (const auto& [path, count] : used) {
        Subject subject;
        subject.name = subject.target = path;
        take(std::move(subject), Reading{.usage = count, .limit = range->size()});
    }
    if (used.empty()) return fail("no connection uses an ephemeral port", ENOENT);
    return "";
}

}  // namespace

extern const Definition k_ports;
const Definition k_ports{
    .resource = {.name = "ports",
                 .scope = Scope::system,
                 .unit = Unit::count,
                 .summary = "ephemeral ports towards one destination",
                 .limited_by = "net.ipv4.ip_local_port_range",
                 .denied_errno = EADDRNOTAVAIL,
                 .exactness = "TCP; a port that is bound and not connected is not seen"},
    .read_all = read_all,
};

}  // namespace brink::resource
