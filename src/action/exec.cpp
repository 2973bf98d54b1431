// SPDX-License-Identifier: Apache-2.0
// Starting, following and ending the commands of `exec:` actions.
#include "action/exec.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

namespace brink::action {
namespace {

constexpr int kNotStarted = 127;  // as sh(1) itself would say

// The event as a file that is at its beginning: nobody has to write while the command reads.
Result<Fd> input_file(const std::string& text) {
    Fd file(::memfd_create("brink-event", MFD_CLOEXEC));
    if (!file) return fail_errno("memfd_create");
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t wrote = ::write(file.get(), text.data() + done, text.size() - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return fail_errno("memfd write");
        done += static_cast<std::size_t>(wrote);
    }
    if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("memfd lseek");
    return file;
}

std::vector<std::string> environment_with(std::vector<std::string> added) {
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
        if (!std::string_view(*entry).starts_with("BRINK_")) added.emplace_back(*entry);
    return added;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> list;
    list.reserve(strings.size() + 1);
    for (std::string& text : strings) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

// Handlers go at execve, but a signal that is let through before would still run ours. What was
// ignored when brink was started (nohup) stays so; SIGPIPE is ignored by brink itself.
void default_signals() {
    for (int signal = 1; signal < NSIG; ++signal) {
        struct sigaction action {};
        if (::sigaction(signal, nullptr, &action) != 0) continue;
        if (signal == SIGPIPE || action.sa_handler != SIG_IGN) ::signal(signal, SIG_DFL);
    }
}

// In the child: nothing here may allocate.
[[noreturn]] void become(const OriginalState& original, int input, char* const* arguments,
                         char* const* environment) {
    ::setpgid(0, 0);
    default_signals();
    bool ready = ::dup2(input, STDIN_FILENO) >= 0 && ::dup2(STDERR_FILENO, STDOUT_FILENO) >= 0;
    if (input == STDIN_FILENO) ready = ready && ::fcntl(STDIN_FILENO, F_SETFD, 0) == 0;
    ::syscall(SYS_close_range, 3U, ~0U, 0U);  // before 5.9: close-on-exec has to do
    for (const auto& [which, values] : original.limits)
        ::setrlimit(static_cast<__rlimit_resource>(which), &values);
    ::sigprocmask(SIG_SETMASK, &original.signal_mask, nullptr);
    if (ready) ::execve("/bin/sh", arguments, environment);
    ::_exit(kNotStarted);
}

ActionOutcome outcome_of(const siginfo_t& info) {
    if (info.si_code == CLD_EXITED && info.si_status == 0) return {"done", "", std::nullopt};
    if (info.si_code == CLD_EXITED)
        return failed("command ended with status " + std::to_string(info.si_status));
    return failed("command was killed by signal " + std::to_string(info.si_status));
}

}  // namespace

ExecRunner::ExecRunner(OriginalState original, const ExecOptions& options)
    : original_(std::move(original)), options_(options) {}

Result<std::unique_ptr<ExecRunner>> ExecRunner::create(OriginalState original,
                                                       const ExecOptions& options) {
    std::unique_ptr<ExecRunner> runner(new ExecRunner(std::move(original), options));
    runner->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!runner->epoll_) return fail_errno("exec action: epoll_create1");
    return runner;
}

void ExecRunner::run(const std::string& command, const Event& event, const std::string& json,
                     OutcomeHandler handler) {
    if (running_.size() >= options_.at_once && waiting_.size() >= options_.queue)
        return handler(failed("not started: " + std::to_string(waiting_.size()) +
                              " commands already wait for others to end"));
    Waiting waiting{command, event_environment(event), json + "\n", std::move(handler)};
    if (running_.size() < options_.at_once)
        start(std::move(waiting));
    else
        waiting_.push_back(std::move(waiting));
}

void ExecRunner::start(Waiting waiting) {
    auto running = spawn(waiting);
    if (!running) return waiting.handler(failed("not started: " + running.error().message));
    epoll_event event{};
    event.events = EPOLLIN;
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, running->pidfd.get(), &event);
    running->handler = std::move(waiting.handler);
    groups_.insert(running->pid);
    running_.push_back(std::move(*running));
}

Result<ExecRunner::Running> ExecRunner::spawn(const Waiting& waiting) const {
    const auto input = input_file(waiting.input);
    if (!input) return tl::unexpected<Error>(input.error());
    std::vector<std::string> words{"sh", "-c", "--", waiting.command};
    std::vector<std::string> variables = environment_with(waiting.environment);
    const std::vector<char*> arguments = pointers(words);
    const std::vector<char*> environment = pointers(variables);
    // Signals wait until the child has its own handlers: ours must not run in it.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::fork();
    const int error = errno;
    if (pid == 0) become(original_, input->get(), arguments.data(), environment.data());
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return fail_errno("fork", error);
    ::setpgid(pid, pid);  // on both sides: whoever comes first
    Running running;
    running.pid = pid;
    running.deadline = Clock::now() + options_.time_limit;
    running.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (running.pidfd) return running;
    const auto failure = fail_errno("pidfd_open");
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return failure;
}

void ExecRunner::on_readable() {
    std::vector<Running> ended;
    for (Running& running : running_) {
        siginfo_t info{};
        const int pidfd = running.pidfd.get();
        const int got = ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info,
                                 WEXITED | WNOHANG | WNOWAIT);
        if ((got == 0 && info.si_pid != 0) || (got != 0 && errno == ECHILD))
            ended.push_back(std::move(running));
        else if (Clock::now() >= running.deadline)
            press(running);
    }
    std::erase_if(running_, [](const Running& running) { return !running.pidfd; });
    for (Running& running : ended) finish(running);
    forget_empty_groups();
    while (!waiting_.empty() && running_.size() < options_.at_once) {
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        start(std::move(next));
    }
}

// The handler may call run().
void ExecRunner::finish(Running& running) {
    siginfo_t info{};
    const int got = ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(running.pidfd.get()),
                             &info, WEXITED | WNOHANG);
    ActionOutcome outcome = got == 0 ? outcome_of(info) : failed("its exit status is unknown");
    if (running.stage != Stage::running)
        outcome = failed((running.told_to_end
                              ? std::string("brink was told to end: ")
                              : "command did not end within " +
                                    std::to_string(options_.time_limit.count() / 1000) + " s: ") +
                         (running.stage == Stage::killed ? "killed" : "terminated"));
    running.handler(std::move(outcome));
}

void ExecRunner::end_all() {
    for (Running& running : running_) {
        if (running.stage != Stage::running) continue;
        running.told_to_end = true;
        press(running);
    }
    for (Waiting& waiting : std::exchange(waiting_, {}))
        waiting.handler(failed("not started: brink was told to end"));
}

void ExecRunner::press(Running& running) {
    const bool first = running.stage == Stage::running;
    ::kill(-running.pid, first ? SIGTERM : SIGKILL);
    running.stage = first ? Stage::terminated : Stage::killed;
    running.deadline = first ? Clock::now() + options_.grace : Clock::time_point::max();
}

void ExecRunner::forget_empty_groups() {
    std::erase_if(groups_, [](pid_t group) { return ::kill(-group, 0) != 0 && errno == ESRCH; });
}

int ExecRunner::timeout_ms() const {
    auto next = Clock::time_point::max();
    for (const Running& running : running_) next = std::min(next, running.deadline);
    if (next == Clock::time_point::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 3'600'000));
}

bool ExecRunner::owns(pid_t pid) const {
    if (groups_.contains(pid)) return true;
    const pid_t group = ::getpgid(pid);
    return group > 0 && groups_.contains(group);
}

}  // namespace brink::action
