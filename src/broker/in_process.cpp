// SPDX-License-Identifier: Apache-2.0
#include "broker/in_process.hpp"

#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "broker/server.hpp"
#include "broker/shared_source.hpp"

namespace brink::broker {
namespace {

// Keeps descriptor `kept` and no other, in a table that is this thread's alone.
Result<void> take_own_table(int kept) {
    if (::unshare(CLONE_FILES)) return fail_errno("cannot have a table of descriptors of its own");
    const auto first = static_cast<unsigned>(kept);
    if (first > 0) (void)::syscall(SYS_close_range, 0U, first - 1, 0U);
    (void)::syscall(SYS_close_range, first + 1, ~0U, 0U);
    return {};
}

Result<std::unique_ptr<Server>> start(Fd socket, const SourceOptions& options) {
    auto shared = open_shared_source(options);
    if (!shared) return tl::unexpected(shared.error());
    ServerOptions server_options;
    server_options.max_clients = options.max_clients;
    server_options.ends_with_last_client = true;
    server_options.quotas.watches = server_options.quotas.levels = options.max_watches;
    server_options.quotas.levels *= BRINK_MAX_LEVELS;
    server_options.quotas.subjects = options.max_subjects;
    server_options.quotas.queue_bytes *= 16;
    auto server = Server::create(std::move(shared->source), server_options);
    if (!server) return server;
    if (auto adopted = (*server)->adopt(std::move(socket)); !adopted)
        return tl::unexpected(adopted.error());
    return server;
}

void serve(int end, const SourceOptions& options, std::promise<Result<void>> started) {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);  // signals are the program's
    if (auto own = take_own_table(end); !own) {
        started.set_value(own);
        return;
    }
    auto server = start(Fd(end), options);
    if (!server) {
        started.set_value(tl::unexpected(server.error()));
        return;
    }
    started.set_value({});
    (*server)->run(-1);
}

}  // namespace

Result<Fd> serve_in_process(const SourceOptions& options) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return fail_errno("socketpair");
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);  // the thread has a copy of it, in its own table
    std::promise<Result<void>> promise;
    std::future<Result<void>> started = promise.get_future();
    try {
        std::thread(serve, theirs.get(), options, std::move(promise)).detach();
    } catch (const std::system_error& error) {
        return fail_errno("cannot start a thread", error.code().value());
    }
    if (auto result = started.get(); !result) return tl::unexpected(result.error());
    return ours;
}

}  // namespace brink::broker
