// SPDX-License-Identifier: Apache-2.0
// The C interface: what brink/brink.h promises, over the descriptor and nothing else. A request carries a socket for its
// reply, so that events which come in between stay in the descriptor for whoever reads it.
#include "brink/brink.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "broker/ask.hpp"
#include "broker/in_process.hpp"
#include "broker/socket.hpp"

namespace {

using brink::Fd;
using brink::Result;
using brink::broker::ask;
using brink::broker::new_request;
using brink::broker::set_spec;

constexpr unsigned kOpenFlags = BRINK_OPEN_NONBLOCK | BRINK_OPEN_IN_PROCESS |
                                BRINK_OPEN_TRACEPOINT | BRINK_OPEN_POLL;
constexpr std::size_t kReadAtOnce = 64;

thread_local std::string last_error;

int failed(int code, std::string_view message) {
    last_error = message;
    errno = code ? code : EIO;
    return -1;
}

int failed(const brink::Error& error) { return failed(error.code, error.message); }

// No exception (there is no memory) crosses the C interface.
template <typename Call>
auto guarded(Call call) -> decltype(call()) {
    try {
        return call();
    } catch (const std::exception& error) {
        errno = ENOMEM;
        return -1;
    }
}

Result<Fd> open_in_process(const char* path, unsigned flags) {
    using brink::broker::EngineWish;
    if (path) return brink::fail("brink_open: BRINK_OPEN_IN_PROCESS takes no path", EINVAL);
    brink::broker::SourceOptions options;
    options.max_subjects = 4096;
    options.max_watches = 1024;
    options.max_clients = 1;
    if (flags & BRINK_OPEN_TRACEPOINT) options.engine = EngineWish::tracepoint;
    if (flags & BRINK_OPEN_POLL) options.engine = EngineWish::poll;
    return brink::broker::serve_in_process(options);
}

Result<Fd> open_monitor(const char* path, unsigned flags) {
    if (flags & ~kOpenFlags) return brink::fail("brink_open: unknown flags", EINVAL);
    if (flags & BRINK_OPEN_IN_PROCESS) return open_in_process(path, flags);
    if (flags & (BRINK_OPEN_TRACEPOINT | BRINK_OPEN_POLL))
        return brink::fail(
            "brink_open: the engine is the daemon's, unless BRINK_OPEN_IN_PROCESS is there",
            EINVAL);
    const std::string at = path ? path : brink::broker::default_socket();
    if (at.empty()) return brink::fail("brink_open: $BRINK_SOCKET is empty", ENOENT);
    return brink::broker::connect_to(at);
}

int result_of(const Result<brink_event>& reply) {
    return reply ? static_cast<int>(reply->watch) : failed(reply.error());
}

int watch_pidfd(int fd, int pidfd, const char* spec) {
    brink_request request = new_request(BRINK_REQUEST_ADD);
    request.flags |= BRINK_REQUEST_PIDFD;
    if (auto set = set_spec(request, spec); !set) return failed(set.error());
    return result_of(ask(fd, request, {pidfd}));
}

int watch(int fd, pid_t pid, const char* spec) {
    brink_request request = new_request(BRINK_REQUEST_ADD);
    request.pid = pid ? pid : ::getpid();
    if (auto set = set_spec(request, spec); !set) return failed(set.error());
    const auto reply = ask(fd, request);
    if (reply || reply.error().code != EXDEV) return result_of(reply);
    // The daemon lives in another pid namespace, where the process has another number.
    const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, request.pid, 0)));
    return pidfd ? watch_pidfd(fd, pidfd.get(), spec) : failed(errno, std::strerror(errno));
}

int watch_all(int fd, std::span<brink_target> targets) {
    if (targets.size() > BRINK_MAX_REQUESTS)
        return failed(E2BIG, "brink_watch_all: more than BRINK_MAX_REQUESTS watches");
    std::vector<brink_request> requests;
    for (const brink_target& target : targets) {
        brink_request& request = requests.emplace_back(new_request(BRINK_REQUEST_ADD));
        request.pid = target.pid ? target.pid : ::getpid();
        request.cookie = target.cookie;
        if (auto set = set_spec(request, target.spec); !set) return failed(set.error());
    }
    std::vector<brink_event> replies(targets.size());
    if (targets.empty()) return 0;
    if (auto asked = ask(fd, requests, {}, replies); !asked) return failed(asked.error());
    int set = 0;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        targets[i].error = replies[i].error;
        targets[i].watch = replies[i].error ? -1 : static_cast<int>(replies[i].watch);
        set += replies[i].error == 0;
        if (replies[i].error) last_error = replies[i].text;
    }
    return set;
}

}  // namespace

extern "C" {

unsigned brink_version(void) { return BRINK_VERSION_MAJOR << 16U | BRINK_VERSION_MINOR; }

int brink_open(const char* path, unsigned flags) {
    return guarded([&] {
        auto opened = open_monitor(path, flags);
        if (!opened) return failed(opened.error());
        if (flags & BRINK_OPEN_NONBLOCK) ::fcntl(opened->get(), F_SETFL, O_RDWR | O_NONBLOCK);
        return opened->release();
    });
}

int brink_watch(int fd, pid_t pid, const char* spec) {
    return guarded([&] { return watch(fd, pid, spec); });
}

int brink_watch_pidfd(int fd, int pidfd, const char* spec) {
    return guarded([&] { return watch_pidfd(fd, pidfd, spec); });
}

int brink_unwatch(int fd, int number) {
    return guarded([&] {
        brink_request request = new_request(BRINK_REQUEST_REMOVE);
        request.watch = static_cast<std::uint32_t>(number);
        return result_of(ask(fd, request)) < 0 ? -1 : 0;
    });
}

int brink_watch_all(int fd, struct brink_target* targets, size_t count) {
    return guarded([&] { return watch_all(fd, {targets, count}); });
}

ssize_t brink_read(int fd, struct brink_event* events, size_t count) {
    if (count == 0) return 0;
    std::array<mmsghdr, kReadAtOnce> messages{};
    std::array<iovec, kReadAtOnce> data{};
    count = std::min(count, messages.size());
    for (std::size_t i = 0; i < count; ++i) {
        data[i] = {&events[i], sizeof events[i]};
        messages[i].msg_hdr.msg_iov = &data[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = ::recvmmsg(fd, messages.data(), static_cast<unsigned>(count), MSG_WAITFORONE,
                               nullptr);
    if (got < 0) return failed(errno, std::strerror(errno));
    // At the end there is a message of no bytes.
    const auto* const end = std::find_if(messages.begin(), messages.begin() + got,
                                         [](const mmsghdr& m) {
                                             return m.msg_len != sizeof(brink_event);
                                         });
    return end - messages.begin();
}

const char* brink_error(void) { return last_error.c_str(); }

const char* brink_type_name(uint32_t type) {
    static constexpr const char* kNames[] = {"",       "crossing",      "initial",
                                             "denied", "limit_changed", "exit",
                                             "lost",   "resync",        "reply"};
    return type < std::size(kNames) ? kNames[type] : "";
}

const char* brink_engine_name(uint8_t engine) {
    static constexpr const char* kNames[] = {"", "kernel", "tracepoint", "poll", "timer"};
    return engine < std::size(kNames) ? kNames[engine] : "";
}

}  // extern "C"
