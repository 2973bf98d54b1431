// SPDX-License-Identifier: Apache-2.0
// Fields of /proc/PID/status are searched, not parsed in a whole: a look wants three or four of sixty.
#include "kernel/process_files.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

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

bool ProcessFiles::has_memory() const {
    if (task_) return task_->has_memory != 0;
    const auto size = status("VmSize");
    if (!size) return size.error().code != ESRCH;  // what cannot be read may well be there
    return !size->empty();
}

Result<std::uint64_t> ProcessFiles::number(std::string_view name) const {
    const auto line = status(name);
    if (!line) return tl::unexpected<Error>(line.error());
    std::string_view rest = *line;
    const auto value = to_number<std::uint64_t>(next_word(rest));
    if (!value) return ended(pid_);
    return *value;
}

// What the iterator says, or else the number in line `name` of status.
Result<std::uint64_t> ProcessFiles::count(std::uint64_t of_task, std::string_view name) const {
    from_iterator_ = task_ != nullptr;
    if (!task_) return number(name);
    if (!task_->has_memory) return ended(pid_);
    return of_task;
}

Result<std::uint64_t> ProcessFiles::bytes(std::uint64_t pages_of_task,
                                          std::string_view name) const {
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t unit = task_ ? page : 1024;
    return count(pages_of_task, name).map([unit](std::uint64_t n) { return n * unit; });
}

Result<std::uint64_t> ProcessFiles::descriptors() const {
    from_iterator_ = task_ != nullptr;
    if (task_) return task_->open_files;
    return procfs_->descriptor_count(pid_);
}

Result<std::uint64_t> ProcessFiles::threads() const {
    from_iterator_ = task_ != nullptr;
    if (task_) return std::uint64_t{task_->threads};
    return number("Threads");
}

Result<std::uint64_t> ProcessFiles::address_space() const {
    return bytes(task_ ? task_->total_vm : 0, "VmSize");
}

Result<std::uint64_t> ProcessFiles::data() const {
    return bytes(task_ ? task_->data_vm : 0, "VmData");
}

Result<std::uint64_t> ProcessFiles::stack() const {
    return bytes(task_ ? task_->stack_vm : 0, "VmStk");
}

Result<std::uint64_t> ProcessFiles::locked() const {
    return bytes(task_ ? task_->locked_vm : 0, "VmLck");
}

Result<std::uint64_t> ProcessFiles::resident() const {
    return bytes(task_ ? task_->rss : 0, "VmRSS");
}

Result<Limit> ProcessFiles::limit(int rlimit) const {
    if (!task_) return procfs_->limit(pid_, rlimit);
    const brink_rlimit& limit = task_->limits[rlimit];
    return Limit{limit.soft, limit.hard};
}

Result<std::uint64_t> ProcessFiles::mappings() const {
    from_iterator_ = task_ != nullptr;
    if (task_) return std::uint64_t{task_->map_count};
    std::uint64_t lines = 0;
    const auto read = for_each_line(procfs_->path(pid_, "maps"), [&](std::string_view line) {
        if (!line.ends_with("[vsyscall]") && !line.ends_with("[vectors]")) ++lines;
    });
    if (!read) return ended_or(pid_, read.error());
    return lines;
}

Result<std::uint64_t> ProcessFiles::cpu_time_ns() const {
    from_iterator_ = false;
    const auto process = task_ ? Result<std::uint64_t>(task_->pid) : number("Tgid");
    if (!process) return tl::unexpected<Error>(process.error());
    // The clock that RLIMIT_CPU is held against: user and system time, as the timer's ticks have them. That
    // of clock_getcpuclockid(3) counts what the scheduler has given, and runs at another pace.
    constexpr clockid_t kProf = 0;  // CPUCLOCK_PROF, include/linux/posix-timers_types.h
    const auto clock = static_cast<clockid_t>(~static_cast<unsigned>(*process) << 3) | kProf;
    timespec time{};
    if (::clock_gettime(clock, &time) != 0) return ended(pid_);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace brink::kernel
