// SPDX-License-Identifier: Apache-2.0
#include "kernel/provoke_sockets.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace brink::kernel {
namespace {

constexpr unsigned kSeconds = 10;  // after which it is given up: a firewall can swallow a SYN

template <typename Address>
void connect_and_accept(Address address, socklen_t bytes) {
    const int family = reinterpret_cast<const sockaddr*>(&address)->sa_family;
    const int listening = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int peer = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listening, where, bytes) == 0 && ::listen(listening, 1) == 0) {
        bytes = sizeof address;
        ::getsockname(listening, where, &bytes);
        if (::connect(peer, where, bytes) == 0)
            ::close(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
    }
    ::close(peer);
    ::close(listening);
}

void over_tcp() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect_and_accept(address, sizeof address);
}

void over_tcp6() {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    connect_and_accept(address, sizeof address);
}

// The kernel chooses an abstract name where none is given: unix(7), autobind.
void over_unix() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    connect_and_accept(address, sizeof address.sun_family);
}

// A network namespace with loopback alone.
bool leave_the_network() {
    if (::unshare(CLONE_NEWNET) != 0) return false;
    ifreq loopback{};
    std::memcpy(loopback.ifr_name, "lo", 3);
    loopback.ifr_flags = IFF_UP;
    const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool up = ::ioctl(any, SIOCSIFFLAGS, &loopback) == 0;
    ::close(any);
    return up;
}

}  // namespace

void provoke_sockets() {
    ::alarm(kSeconds);
    over_tcp();
    over_unix();
    over_tcp6();
    if (!leave_the_network()) return;
    // Always, not only when there are too many SYNs: ip-sysctl, tcp_syncookies.
    const int cookies = ::open("/proc/sys/net/ipv4/tcp_syncookies", O_WRONLY | O_CLOEXEC);
    (void)!::write(cookies, "2", 1);
    ::close(cookies);
    over_tcp();
}

}  // namespace brink::kernel
