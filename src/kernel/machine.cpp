// SPDX-License-Identifier: Apache-2.0
#include "kernel/machine.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/clock.hpp"
#include "kernel/file_text.hpp"

namespace brink::kernel {
namespace {

// nullopt: it ended meanwhile.
std::optional<ProcessSummary> summary_of(const ProcessFiles& process) {
    ProcessSummary summary;
    summary.pid = process.pid();
    const auto uids = process.status("Uid");
    if (!uids || uids->empty()) return std::nullopt;
    std::string_view rest = *uids;
    summary.uid = to_number<uid_t>(next_word(rest)).value_or(0);
    summary.uid_effective = to_number<uid_t>(next_word(rest)).value_or(0);
    summary.threads = static_cast<std::uint32_t>(process.threads().value_or(0));
    if (const auto pending = process.status("SigQ"))
        summary.pending_signals =
            to_number<std::uint64_t>(pending->substr(0, pending->find('/'))).value_or(0);
    summary.has_memory = process.has_memory();
    return summary;
}

}  // namespace

Machine::Machine(std::string proc, std::string sys)
    : procfs_(std::move(proc)),
      sys_(std::move(sys)),
      began_(static_cast<std::uint64_t>(clock_ns(CLOCK_BOOTTIME)) /
             (1'000'000'000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)))) {}

Result<void> Machine::visit_processes(const std::function<void(const ProcessFiles&)>& visit,
                                      bool remember) {
    if (remember) processes_.emplace();
    const auto take = [&](const ProcessFiles& process) {
        visit(process);
        if (!remember) return;
        if (const auto summary = summary_of(process)) processes_->push_back(*summary);
    };
    std::unordered_set<pid_t> seen;
    if (tasks_) {
        for (const brink_task& task : *tasks_) {
            // Where the first thread has ended before the others only /proc finds what they use.
            if (!task.has_memory && task.threads > 1) continue;
            seen.insert(static_cast<pid_t>(task.pid));
            take(ProcessFiles(procfs_, task));
        }
    }
    // All, or what a kernel hides from the iterator.
    return for_each_number(procfs_.root(), [&](std::uint32_t number) {
        const auto pid = static_cast<pid_t>(number);
        if (!seen.contains(pid)) take(ProcessFiles(procfs_, pid));
        return true;
    });
}

const std::vector<UserCounts>* Machine::users() {
    if (!tasks_) return nullptr;
    if (users_) return &*users_;
    users_.emplace();
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::unordered_map<std::uint64_t, std::size_t> places;
    for (const brink_task& task : *tasks_) {
        const auto [place, added] = places.try_emplace(task.user, users_->size());
        if (added) {
            UserCounts& user = users_->emplace_back();
            user.uid = task.user_uid;
            user.user_namespace = task.user_namespace;
            user.processes = task.user_processes;
            user.queue_bytes = task.user_queue_bytes;
            user.signals = task.user_signals;
            user.locked_bytes = std::max(task.user_shared_pages, task.user_locked_pages) * page;
            user.inotify_instances = task.user_inotify_instances;
            user.inotify_watches = task.user_inotify_watches;
        }
        if (!task.has_memory && task.threads < 2) continue;
        UserCounts& user = (*users_)[place->second];
        for (std::size_t i = 0; i < user.limits.size(); ++i)
            if (task.limits[i].soft < user.limits[i].soft)
                user.limits[i] = Limit{task.limits[i].soft, task.limits[i].hard};
    }
    return &*users_;
}

std::uint32_t Machine::own_user_namespace() const {
    struct stat status {};
    if (::stat((procfs_.root() + "/self/ns/user").c_str(), &status) != 0) return 0;
    return static_cast<std::uint32_t>(status.st_ino);
}

const std::vector<ProcessSummary>& Machine::processes() {
    if (!processes_) (void)visit_processes([](const ProcessFiles&) {}, true);
    return *processes_;
}

std::string Machine::process_comm(pid_t pid) const {
    const auto stat = procfs_.stat(pid);
    return stat ? stat->comm : "";
}

std::string Machine::user_name(uid_t uid) const {
    std::array<char, 4096> buffer;
    passwd entry{};
    passwd* found = nullptr;
    ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    return "user " + (found != nullptr ? std::string(found->pw_name) : std::to_string(uid));
}

Result<std::string> Machine::proc_text(std::string_view name) const {
    return read_text(procfs_.root() + "/" + std::string(name));
}

Result<std::uint64_t> Machine::proc_number(std::string_view name, unsigned index) const {
    const auto text = proc_text(name);
    if (!text) return tl::unexpected<Error>(text.error());
    std::string_view line = std::string_view(*text).substr(0, text->find('\n'));
    for (; index > 0; --index) (void)next_word(line);
    const auto value = to_number<std::uint64_t>(next_word(line));
    if (!value) return fail(std::string(name) + " has no number there", EINVAL);
    return *value;
}

Result<std::uint64_t> Machine::proc_field(std::string_view name, std::string_view key) const {
    const auto text = proc_text(name);
    if (!text) return tl::unexpected<Error>(text.error());
    std::string_view rest = *text;
    while (auto line = next_line(rest)) {
        for (std::string_view word = next_word(*line); !word.empty(); word = next_word(*line)) {
            if (word != key) continue;
            if (const auto value = to_number<std::uint64_t>(next_word(*line))) return *value;
        }
    }
    return fail(std::string(name) + " has no " + std::string(key), ENOENT);
}

const Result<std::vector<Mount>>& Machine::mounts() {
    if (!mounts_) mounts_ = read_mounts(procfs_.root());
    return *mounts_;
}

Result<CgroupTree> Machine::cgroups(std::string_view controller) {
    if (!mounts()) return tl::unexpected<Error>(mounts().error());
    return CgroupTree::find(*mounts(), controller);
}

Result<CgroupTree> Machine::unified_cgroups() {
    if (!mounts()) return tl::unexpected<Error>(mounts().error());
    return CgroupTree::unified(*mounts());
}

const ListeningSockets& Machine::listening() {
    if (!listening_) listening_ = listening_sockets();
    return *listening_;
}

const DescriptorOwners& Machine::descriptors() {
    if (descriptors_) return *descriptors_;
    std::unordered_set<std::uint64_t> inodes;
    for (const ListeningSocket& socket : listening().sockets) inodes.insert(socket.inode);
    descriptors_ = std::make_unique<DescriptorOwners>(procfs_, inodes);
    return *descriptors_;
}

}  // namespace brink::kernel
