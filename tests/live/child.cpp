// SPDX-License-Identifier: Apache-2.0
#include "child.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <regex>
#include <sstream>

#include "machine.hpp"

namespace brink::live {
namespace {

void or_die(bool ok, const char* what) {
    if (ok) return;
    std::perror(what);
    std::abort();
}

void set_soft(int resource, rlim_t soft) {
    rlimit limit{};
    ::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
    limit.rlim_cur = soft;
    if (limit.rlim_max < soft) limit.rlim_max = soft;
    ::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
}

[[noreturn]] void become(const std::vector<char*>& arguments, const ChildOptions& options,
                         const int (&pipes)[3][2]) {
    ::dup2(pipes[0][0], 0);
    ::dup2(pipes[1][1], 1);
    ::dup2(pipes[2][1], 2);
    for (const int fd : options.inherit) ::fcntl(fd, F_SETFD, 0);
    for (const auto& [resource, soft] : options.resources)
        set_soft(resource, static_cast<rlim_t>(soft));
    if (options.hard_limit) {
        const rlimit limit{*options.hard_limit, *options.hard_limit};
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (options.soft_limit) set_soft(RLIMIT_NOFILE, *options.soft_limit);
    if (!options.cgroup_procs.empty())
        or_die(write_file(options.cgroup_procs, "0"), options.cgroup_procs.c_str());
    for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (options.uid) {
        ::setgroups(0, nullptr);
        or_die(::setresgid(*options.uid, *options.uid, *options.uid) == 0, "setresgid");
        or_die(::setresuid(*options.uid, *options.uid, *options.uid) == 0, "setresuid");
    }
    ::execv(arguments[0], arguments.data());
    std::perror(arguments[0]);
    ::_exit(127);
}

}  // namespace

Child::Child(std::vector<std::string> arguments, ChildOptions options) {
    std::signal(SIGPIPE, SIG_IGN);
    int pipes[3][2];
    for (auto& pair : pipes) or_die(::pipe2(pair, O_CLOEXEC) == 0, "pipe2");
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    pid_ = ::fork();
    or_die(pid_ >= 0, "fork");
    if (pid_ == 0) {
        std::signal(SIGPIPE, SIG_DFL);
        become(pointers, options, pipes);
    }
    ::close(pipes[0][0]);
    ::close(pipes[1][1]);
    ::close(pipes[2][1]);
    input_ = pipes[0][1];
    out_reader_ = std::thread([this, fd = pipes[1][0]] { read_all(fd, out_); });
    err_reader_ = std::thread([this, fd = pipes[2][0]] { read_all(fd, err_); });
}

Child::~Child() {
    close_input();
    if (!status_) {
        ::kill(pid_, SIGCONT);
        ::kill(pid_, SIGTERM);  // brink run forwards it, so that its command ends too
        for (int i = 0; i < 400 && !ended(); ++i) ::usleep(5000);
        if (!status_) ::kill(pid_, SIGKILL);
        reap();
    }
    // A descendant may hold the pipes open: the readers are told to give up.
    {
        const std::lock_guard lock(mutex_);
        out_.ended = err_.ended = true;
    }
    out_reader_.join();
    err_reader_.join();
}

void Child::read_all(int fd, Stream& stream) {
    char buffer[65536];
    for (;;) {
        pollfd waiting{fd, POLLIN, 0};
        const int ready = ::poll(&waiting, 1, 50);
        const ssize_t got = ready > 0 ? ::read(fd, buffer, sizeof buffer) : -1;
        const std::lock_guard lock(mutex_);
        if (ready > 0 && got > 0) stream.text.append(buffer, static_cast<std::size_t>(got));
        if (ready > 0 && got <= 0) stream.ended = true;
        if (ready > 0) changed_.notify_all();
        if (stream.ended) break;
    }
    ::close(fd);
}

void Child::send(const std::string& line) {
    const std::string text = line + "\n";
    or_die(::write(input_, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ||
               errno == EPIPE,
           "write");
}

void Child::close_input() {
    if (input_ >= 0) ::close(input_);
    input_ = -1;
}

void Child::signal(int number) const { ::kill(pid_, number); }

std::string Child::out() {
    const std::lock_guard lock(mutex_);
    return out_.text;
}

std::string Child::out_from(std::size_t position) {
    const std::lock_guard lock(mutex_);
    return position < out_.text.size() ? out_.text.substr(position) : "";
}

std::string Child::err() {
    const std::lock_guard lock(mutex_);
    return err_.text;
}

std::vector<std::string> Child::out_lines() {
    const std::string text = out();
    std::vector<std::string> lines;
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;
         at = end + 1)
        lines.push_back(text.substr(at, end - at));
    return lines;
}

std::string Child::take_line() {
    std::unique_lock lock(mutex_);
    std::size_t end = std::string::npos;
    changed_.wait_for(lock, patience(), [&] {
        end = out_.text.find('\n', out_.taken);
        return end != std::string::npos || out_.ended;
    });
    if (end == std::string::npos) return "";
    const std::string line = out_.text.substr(out_.taken, end - out_.taken);
    out_.taken = end + 1;
    return line;
}

bool Child::wait_for_error_line(const std::string& expression) {
    const std::regex wanted(expression);
    std::unique_lock lock(mutex_);
    bool found = false;
    changed_.wait_for(lock, patience(), [&] {
        std::istringstream lines(err_.text);
        for (std::string line; !found && std::getline(lines, line) && !lines.eof();)
            found = std::regex_search(line, wanted);
        return found || err_.ended;
    });
    return found;
}

bool Child::wait_for(const std::function<bool()>& condition) {
    return eventually([&] { return condition() || ended(); }) && condition();
}

int Child::wait() {
    if (!eventually([this] { return ended(); })) {
        std::fprintf(stderr, "live tests: process %d does not end; killed\n", pid_);
        ::kill(pid_, SIGKILL);
        reap();
    }
    // All its output, unless a descendant keeps the pipes open.
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(2), [this] { return out_.ended && err_.ended; });
    return *status_;
}

bool Child::ended() {
    if (status_) return true;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
    status_ = status;
    return true;
}

void Child::reap() {
    int status = 0;
    while (!status_ && ::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    if (!status_) status_ = status;
}

int shell_status(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace brink::live
