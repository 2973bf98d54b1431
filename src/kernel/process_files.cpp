// SPDX-License-Identifier: Apache-2.0
// Fields of /proc/PID/status are searched, not parsed in a whole: a look wants three or four of sixty.
#include "kernel/process_files.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fd.hpp"
#include "kernel/file_text.hpp"

namespace brink::kernel {
namespace {

tl::unexpected<Error> ended(pid_t pid) {
    return fail("there is no process " + std::to_string(pid), ESRCH);
}

tl::unexpected<Error> ended_or(pid_t pid, const Error& error) {
    if (error.code == ENOENT || error.code == ESRCH) return ended(pid);
    return tl::unexpected<Error>(error);
}

}  // namespace

Result<std::string_view> ProcessFiles::status(std::string_view name) const {
    if (!status_) status_ = read_text(procfs_->path(pid_, "status"));
    if (!*status_) return ended_or(pid_, status_->error());
    std::string_view rest = **status_;
    while (auto line = next_line(rest)) {
        if (!line->starts_with(name) || line->substr(name.size(), 1) != ":") continue;
        line->remove_prefix(name.size() + 1);
        line->remove_prefix(std::min(line->find_first_not_of(" \t"), line->size()));
        return *line;
    }
    return std::string_view();
}

Result<std::uint64_t> ProcessFiles::number(std::string_view name) const {
    const auto line = status(name);
    if (!line) return tl::unexpected<Error>(line.error());
    std::string_view rest = *line;
    const auto value = to_number<std::uint64_t>(next_word(rest));
    if (!value) return ended(pid_);
    return *value;
}

Result<std::uint64_t> ProcessFiles::bytes(std::string_view name) const {
    return number(name).map([](std::uint64_t kilobytes) { return kilobytes * 1024; });
}

Result<std::uint64_t> ProcessFiles::mappings() const {
    const std::string path = procfs_->path(pid_, "maps");
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return ended_or(pid_, Error{errno, path + ": " + std::strerror(errno)});
    constexpr std::string_view kGate = "[vsyscall]\n";
    std::array<char, 65536> buffer;
    std::uint64_t lines = 0;
    std::string tail;
    for (;;) {
        const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return ended_or(pid_, Error{errno, path + ": " + std::strerror(errno)});
        if (got == 0) break;
        const std::string_view part(buffer.data(), static_cast<std::size_t>(got));
        lines += static_cast<std::uint64_t>(std::count(part.begin(), part.end(), '\n'));
        tail = part.substr(part.size() - std::min(part.size(), kGate.size()));
    }
    return lines - (tail.ends_with(kGate) ? 1 : 0);
}

Result<std::uint64_t> ProcessFiles::cpu_time_ns() const {
    const auto process = number("Tgid");
    if (!process) return tl::unexpected<Error>(process.error());
    clockid_t clock{};
    if (const int error = ::clock_getcpuclockid(static_cast<pid_t>(*process), &clock))
        return ended_or(pid_, Error{error, "the CPU clock of process " + std::to_string(*process) +
                                               ": " + std::strerror(error)});
    timespec time{};
    if (::clock_gettime(clock, &time) != 0) return ended(pid_);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace brink::kernel
