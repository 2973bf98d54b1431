// SPDX-License-Identifier: Apache-2.0
// Reading /proc: one function a file, and the two probes that decide how counts and children are
// found on this kernel.
#include "kernel/procfs.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "kernel/file_text.hpp"

namespace brink::kernel {
namespace {

constexpr std::string_view kSystemd = ":name=systemd:";
constexpr const char* kFirstCgroupNamespace = "cgroup:[4026531835]";  // PROC_CGROUP_INIT_INO

// ENOENT means that the process is gone: the files themselves exist on every kernel.
tl::unexpected<Error> gone_or(pid_t pid, const Error& error) {
    if (error.code == ENOENT || error.code == ESRCH)
        return fail("there is no process " + std::to_string(pid), ESRCH);
    return tl::unexpected<Error>(error);
}

// Field `first` is the first word of `text`; fills what ProcessStat wants.
bool parse_after_comm(std::string_view text, ProcessStat& stat) {
    const std::string_view state = next_word(text);
    const auto ppid = to_number<pid_t>(next_word(text));
    for (int field = 5; field < 9; ++field) (void)next_word(text);
    const auto flags = to_number<std::uint32_t>(next_word(text));
    for (int field = 10; field < 20; ++field) (void)next_word(text);
    const auto num_threads = to_number<std::uint32_t>(next_word(text));
    (void)next_word(text);
    const auto start_time = to_number<std::uint64_t>(next_word(text));
    for (int field = 23; field < 41; ++field) (void)next_word(text);
    stat.policy = to_number<int>(next_word(text)).value_or(0);
    if (state.size() != 1 || !ppid || !flags || !num_threads || !start_time) return false;
    stat.state = state.front();
    stat.ppid = *ppid;
    stat.flags = *flags;
    stat.num_threads = *num_threads;
    stat.start_time = *start_time;
    return true;
}

void parse_status_line(std::string_view name, std::string_view rest, ProcessStatus& status) {
    if (name == "Tgid") {
        status.tgid = to_number<pid_t>(next_word(rest)).value_or(0);
    } else if (name == "Uid") {
        status.uid_real = to_number<uid_t>(next_word(rest)).value_or(0);
        status.uid_effective = to_number<uid_t>(next_word(rest)).value_or(0);
        status.uid_saved = to_number<uid_t>(next_word(rest)).value_or(0);
    } else if (name == "Gid") {
        status.gid_real = to_number<gid_t>(next_word(rest)).value_or(0);
        status.gid_effective = to_number<gid_t>(next_word(rest)).value_or(0);
        status.gid_saved = to_number<gid_t>(next_word(rest)).value_or(0);
    } else if (name == "CapPrm") {
        status.permitted = to_number<std::uint64_t>(next_word(rest), 16).value_or(0);
    } else if (name == "NSpid") {
        while (const auto number = to_number<pid_t>(next_word(rest)))
            status.ns_pids.push_back(*number);
    }
}

// The lines of /proc/PID/limits, by RLIMIT_ number.
std::string_view limit_title(int rlimit) {
    static constexpr std::array<std::string_view, 16> kTitles = {
        "Max cpu time",       "Max file size",     "Max data size",         "Max stack size",
        "Max core file size", "Max resident set",  "Max processes",         "Max open files",
        "Max locked memory",  "Max address space", "Max file locks",        "Max pending signals",
        "Max msgqueue size",  "Max nice priority", "Max realtime priority", "Max realtime timeout"};
    const auto index = static_cast<std::size_t>(rlimit);
    return rlimit >= 0 && index < kTitles.size() ? kTitles[index] : std::string_view{};
}

std::optional<std::uint64_t> limit_value(std::string_view word) {
    if (word == "unlimited") return ~std::uint64_t{0};
    return to_number<std::uint64_t>(word);
}

Result<Limit> parse_limits(const std::string& path, int rlimit) {
    const auto text = read_text(path);
    if (!text) return tl::unexpected<Error>(text.error());
    const std::string_view title = limit_title(rlimit);
    std::string_view rest = *text;
    while (auto line = next_line(rest)) {
        if (title.empty() || line->substr(0, title.size()) != title) continue;
        line->remove_prefix(title.size());
        const auto soft = limit_value(next_word(*line));
        const auto hard = limit_value(next_word(*line));
        if (soft && hard) return Limit{*soft, *hard};
    }
    return fail(path + ": says nothing of limit " + std::to_string(rlimit), ENODATA);
}

std::uint64_t or_infinite(rlim_t value) {
    return value == RLIM_INFINITY ? ~std::uint64_t{0} : static_cast<std::uint64_t>(value);
}

// Entries of a fd directory; our own holds one more, that of the directory being read.
Result<std::uint64_t> count_entries(const std::string& directory) {
    std::uint64_t count = 0;
    const auto walked = for_each_number(directory, [&](std::uint32_t) { return ++count != 0; });
    if (!walked) return tl::unexpected<Error>(walked.error());
    return count;
}

// Before 6.2 st_size is 0, in a directory of a test's own it means something else. Our own table
// may change under another thread's hands, so that a mismatch is tried again.
bool size_is_count(const std::string& self_fd) {
    for (int attempt = 0; attempt < 4; ++attempt) {
        struct stat status {};
        const auto listed = count_entries(self_fd);
        if (!listed || ::stat(self_fd.c_str(), &status) != 0) return false;
        // The listing saw one descriptor more: that of the directory it read.
        if (static_cast<std::uint64_t>(status.st_size) + 1 == *listed) return true;
    }
    return false;
}

}  // namespace

Procfs::Procfs(std::string root) : root_(std::move(root)) {
    fd_size_is_count_ = size_is_count(root_ + "/self/fd");
    const std::string self = read_link(AT_FDCWD, root_ + "/self").value_or("self");
    const std::string file = root_ + "/" + self + "/task/" + self + "/children";
    has_children_files_ = ::access(file.c_str(), R_OK) == 0;
}

std::string Procfs::path(pid_t pid, std::string_view name) const {
    return root_ + "/" + std::to_string(pid) + "/" + std::string(name);
}

Result<ProcessStat> Procfs::stat(pid_t pid) const {
    const auto text = read_text(path(pid, "stat"));
    if (!text) return gone_or(pid, text.error());
    // comm may itself hold ") S 1 (": it ends at the last parenthesis of the line.
    const std::size_t open = text->find('(');
    const std::size_t close = text->rfind(')');
    ProcessStat stat;
    stat.pid = pid;
    if (open == std::string::npos || close == std::string::npos || close < open ||
        !parse_after_comm(std::string_view(*text).substr(close + 1), stat))
        return fail(path(pid, "stat") + ": not in the form of proc_pid_stat(5)", EPROTO);
    stat.comm = text->substr(open + 1, close - open - 1);
    return stat;
}

Result<ProcessStatus> Procfs::status(pid_t pid) const {
    const auto text = read_text(path(pid, "status"));
    if (!text) return gone_or(pid, text.error());
    ProcessStatus status;
    std::string_view rest = *text;
    while (const auto line = next_line(rest)) {
        const std::size_t colon = line->find(':');
        if (colon != std::string_view::npos)
            parse_status_line(line->substr(0, colon), line->substr(colon + 1), status);
    }
    return status;
}

std::string Procfs::exe(pid_t pid) const {
    return read_link(AT_FDCWD, path(pid, "exe")).value_or("");
}

std::string Procfs::cgroup(pid_t pid) const {
    const auto text = read_text(path(pid, "cgroup"));
    if (!text) return "";
    std::string_view rest = *text;
    std::string_view unified;
    std::string_view systemd;
    while (const auto line = next_line(rest)) {
        if (line->substr(0, 3) == "0::") unified = line->substr(3);
        const std::size_t at = line->find(kSystemd);
        if (at != std::string_view::npos) systemd = line->substr(at + kSystemd.size());
    }
    // Mounted but unused, the unified hierarchy has everything in "/".
    if (unified.empty() || (unified == "/" && systemd.size() > 1)) return std::string(systemd);
    return std::string(unified);
}

int Procfs::systemd_hierarchy() const {
    const auto text = read_text(root_ + "/self/cgroup");
    std::string_view rest = text ? std::string_view(*text) : std::string_view{};
    while (const auto line = next_line(rest)) {
        const std::size_t at = line->find(kSystemd);
        if (at != std::string_view::npos) return to_number<int>(line->substr(0, at)).value_or(0);
    }
    return 0;
}

bool Procfs::sees_all_cgroups() const {
    return read_link(AT_FDCWD, root_ + "/self/ns/cgroup").value_or(kFirstCgroupNamespace) ==
           kFirstCgroupNamespace;
}

Result<Limit> Procfs::limit(pid_t pid, int rlimit) const {
    if (root_ == "/proc") {
        struct rlimit values {};
        if (::prlimit(pid, static_cast<__rlimit_resource>(rlimit), nullptr, &values) == 0)
            return Limit{or_infinite(values.rlim_cur), or_infinite(values.rlim_max)};
        if (errno != EPERM)
            return gone_or(pid, Error{errno, "prlimit of " + std::to_string(pid) + ": " +
                                                 std::strerror(errno)});
    }
    const auto parsed = parse_limits(path(pid, "limits"), rlimit);
    if (!parsed) return gone_or(pid, parsed.error());
    return parsed;
}

Result<std::uint64_t> Procfs::count_table(const std::string& directory) const {
    if (!fd_size_is_count_) return count_entries(directory);
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0) return fail_errno(directory);
    return static_cast<std::uint64_t>(status.st_size);
}

Result<std::uint64_t> Procfs::descriptor_count(pid_t pid) const {
    const auto count = count_table(path(pid, "fd"));
    if (!count) return gone_or(pid, count.error());
    if (*count != 0) return count;
    const auto leader = stat(pid);
    if (!leader) return tl::unexpected<Error>(leader.error());
    if (leader->state != 'Z' || leader->num_threads < 2) return count;
    for (const pid_t tid : threads(pid)) {
        const auto of_thread = count_table(path(pid, "task/" + std::to_string(tid) + "/fd"));
        if (of_thread && *of_thread != 0) return of_thread;
    }
    return count;
}

Result<void> Procfs::may_watch(pid_t pid) const {
    struct rlimit values {};
    if (root_ != "/proc" || ::prlimit(pid, RLIMIT_NOFILE, nullptr, &values) == 0) return {};
    // Opening the directory is what the ptrace read right decides; /proc/PID/stat is for everyone.
    const auto listed = for_each_number(path(pid, "fd"), [](std::uint32_t) { return false; });
    if (listed) return {};
    if (listed.error().code == ENOENT || listed.error().code == ESRCH)
        return fail("there is no process " + std::to_string(pid), ESRCH);
    if (listed.error().code != EACCES && listed.error().code != EPERM)
        return tl::unexpected<Error>(listed.error());
    return fail("process " + std::to_string(pid) +
                    " belongs to another user: watching it needs CAP_SYS_RESOURCE, or "
                    "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
                EPERM);
}

std::vector<pid_t> Procfs::threads(pid_t pid) const {
    std::vector<pid_t> tids;
    (void)for_each_number(path(pid, "task"), [&](std::uint32_t tid) {
        tids.push_back(static_cast<pid_t>(tid));
        return true;
    });
    return tids;
}

std::vector<pid_t> Procfs::children(pid_t pid) const {
    std::vector<pid_t> found;
    for (const pid_t tid : threads(pid)) add_children(pid, tid, found);
    return found;
}

std::vector<pid_t> Procfs::children_of_thread(pid_t tid) const {
    std::vector<pid_t> found;
    add_children(tid, tid, found);
    return found;
}

void Procfs::add_children(pid_t pid, pid_t tid, std::vector<pid_t>& found) const {
    const auto text = read_text(path(pid, "task/" + std::to_string(tid) + "/children"));
    if (!text) return;
    std::string_view rest = *text;
    while (const auto child = to_number<pid_t>(next_word(rest))) found.push_back(*child);
}

std::vector<std::pair<pid_t, pid_t>> Procfs::parents() const {
    std::vector<std::pair<pid_t, pid_t>> found;
    (void)for_each_number(root_, [&](std::uint32_t number) {
        const auto pid = static_cast<pid_t>(number);
        if (const auto process = stat(pid)) found.emplace_back(pid, process->ppid);
        return true;
    });
    return found;
}

std::string Procfs::boot_id() const {
    const auto text = read_text(root_ + "/sys/kernel/random/boot_id");
    return text ? text->substr(0, text->find('\n')) : "";
}

std::string Procfs::hostname() const {
    const auto text = read_text(root_ + "/sys/kernel/hostname");
    return text ? text->substr(0, text->find('\n')) : "";
}

std::string unit_name(std::string_view cgroup) {
    static constexpr std::array<std::string_view, 11> kSuffixes = {
        ".service", ".scope",  ".slice", ".socket", ".mount", ".automount",
        ".swap",    ".target", ".path",  ".timer",  ".device"};
    while (!cgroup.empty()) {
        const std::size_t slash = cgroup.rfind('/');
        std::string_view name = cgroup.substr(slash == std::string_view::npos ? 0 : slash + 1);
        cgroup = cgroup.substr(0, slash == std::string_view::npos ? 0 : slash);
        for (const std::string_view suffix : kSuffixes) {
            if (name.size() <= suffix.size() || !name.ends_with(suffix)) continue;
            // systemd escapes names that a controller's file could have with one underscore.
            return std::string(name.front() == '_' ? name.substr(1) : name);
        }
    }
    return "";
}

}  // namespace brink::kernel
