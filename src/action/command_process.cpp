// SPDX-License-Identifier: Apache-2.0
#include "action/command_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "kernel/procfs.hpp"

namespace brink::action {
namespace {

constexpr int kGone = 125;

// In the child: only async-signal-safe calls.
[[noreturn]] void become(char* const* argv, const action::OriginalState& original, int go,
                         int result) {
    char byte = 0;
    ssize_t n = 0;
    do n = ::read(go, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1) ::_exit(kGone);
    ::sigprocmask(SIG_SETMASK, &original.signal_mask, nullptr);
    ::execvp(argv[0], argv);
    const int error = errno;
    (void)!::write(result, &error, sizeof error);
    ::_exit(kGone);
}

Result<std::pair<Fd, Fd>> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC)) return fail_errno("cannot make a pipe");
    return std::pair(Fd(ends[0]), Fd(ends[1]));
}

}  // namespace

Result<CommandProcess> CommandProcess::fork(const std::vector<std::string>& command,
                                            const action::OriginalState& original) {
    auto go = make_pipe();
    auto result = make_pipe();
    if (!go) return tl::unexpected(go.error());
    if (!result) return tl::unexpected(result.error());
    std::vector<char*> argv;
    argv.reserve(command.size() + 1);
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);

    CommandProcess process;
    process.pid_ = ::fork();
    if (process.pid_ < 0) return fail_errno("cannot start a process");
    if (process.pid_ == 0) {
        go->second.reset();
        become(argv.data(), original, go->first.get(), result->second.get());
    }
    process.go_ = std::move(go->second);
    // From outside, so that they are what is read of it from now on.
    for (const auto& [resource, limit] : original.limits) {
        const auto which = static_cast<__rlimit_resource>(resource);
        if (::prlimit(process.pid_, which, &limit, nullptr) == 0) continue;
        const auto error = fail_errno("cannot give the command the limits brink was started with");
        process.abandon();
        return error;
    }
    process.result_ = std::move(result->first);
    process.pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid_, 0)));
    if (const auto stat = kernel::Procfs{}.stat(process.pid_))
        process.start_time_ = stat->start_time;
    return process;
}

Result<void> CommandProcess::execute() {
    (void)!::write(go_.get(), "x", 1);
    go_.reset();
    int error = 0;
    ssize_t n = 0;
    do n = ::read(result_.get(), &error, sizeof error);
    while (n < 0 && errno == EINTR);
    result_.reset();
    if (n != sizeof error) return {};
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    return fail_errno("execvp", error);
}

void CommandProcess::abandon() {
    go_.reset();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void CommandProcess::signal(int number) const {
    if (!status_) ::kill(pid_, number);
}

std::optional<int> CommandProcess::reap() {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
    return status_;
}

}  // namespace brink::action
