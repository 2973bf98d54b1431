// SPDX-License-Identifier: Apache-2.0
#include "engine/shared_subjects.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/fd.hpp"
#include "engine/subject_match.hpp"
#include "kernel/file_text.hpp"
#include "kernel/machine.hpp"

namespace brink::engine {
namespace {

constexpr int kMostTries = 50;
constexpr std::chrono::milliseconds kPauseBetweenTries{1};

// The tree that has the controller of `resource`.
Result<kernel::CgroupTree> tree_of(const Resource& resource) {
    kernel::Machine machine;
    auto tree = machine.cgroups(resource.hooked == Hooked::cgroup_pids ? "pids" : "memory");
    const bool in_v1 = resource.hooked == Hooked::cgroup_pids ||
                       resource.hooked == Hooked::cgroup_memory;
    if (tree && tree->version() != 2 && !in_v1)
        return fail("this machine has cgroup v1, which has no such limit", EOPNOTSUPP);
    return tree;
}

brink_take way_of(const Selection& selection) {
    if (selection.by == SelectBy::all) return BRINK_TAKE_ALL;
    return selection.by == SelectBy::user ? BRINK_TAKE_USER : BRINK_TAKE_ASK;
}

}  // namespace

Result<void> SharedSubjects::select(std::uint32_t number, const Resource& resource,
                                    const Selection& selection) {
    Watched watched{resource.scope, selection, std::nullopt};
    if (resource.scope == Scope::cgroup) {
        auto tree = tree_of(resource);
        if (!tree) return tl::unexpected<Error>(tree.error());
        watched.tree = std::move(*tree);
    }
    brink_watch selecting = hooks_.watch(number);
    selecting.take = way_of(selection);
    selecting.uid = selection.uid;
    if (auto stored = hooks_.set_watch(number, selecting); !stored) return stored;
    const Watched& kept = watched_.insert_or_assign(number, std::move(watched)).first->second;
    return kept.scope == Scope::user ? bind_users(number) : bind_cgroups(number, kept);
}

void SharedSubjects::gather_limits() {
    for (const auto& [number, watched] : watched_)
        if (watched.scope == Scope::user) (void)bind_users(number);
}

// A user is found through each of its processes, which bring their limits with them.
Result<void> SharedSubjects::bind_users(std::uint32_t number) {
    Tallies bound;
    Result<void> answer;
    const auto listed = kernel::for_each_number("/proc", [&](std::uint32_t pid) {
        answer = bind(number, fmt::format("/proc/{}", pid), bound);
        return answer.has_value();
    });
    if (!listed) return tl::unexpected<Error>(listed.error());
    settle(bound);
    return answer;
}

Result<void> SharedSubjects::bind_cgroups(std::uint32_t number, const Watched& watched) {
    Tallies bound;
    Result<void> answer;
    watched.tree->visit([&](const kernel::Cgroup& cgroup) {
        if (answer && match_cgroup(watched.selection, cgroup.path()) != Match::no)
            answer = bind(number, cgroup.directory(), bound);
    });
    settle(bound);
    return answer;
}

// What `directory`, of a process or a cgroup, leads to.
Result<void> SharedSubjects::bind(std::uint32_t number, const std::string& directory,
                                  Tallies& bound) {
    const Fd fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return {};  // it has ended meanwhile
    brink_command command{};
    command.kind = BRINK_COMMAND_BIND;
    command.watch = number;
    command.proc_fd = fd.get();
    const brink_answer answer = hooks_.command(command);
    switch (answer.error) {
        case 0:
        case -EEXIST: {
            Bound& tally = bound[answer.tally];
            tally.generation = answer.generation;
            tally.fresh |= answer.error == 0;
            return {};
        }
        case -ESRCH:  // it has ended, was not selected, or is not counted
            return {};
        case -ENOSPC: return fail("the tables are full; --max-subjects makes them larger", ENOSPC);
        default:
            return fail(fmt::format("cannot watch {}: {}", directory, std::strerror(-answer.error)),
                        -answer.error);
    }
}

void SharedSubjects::settle(const Tallies& bound) {
    for (const auto& [id, tally] : bound) {
        brink_command command{};
        command.kind = BRINK_COMMAND_LIMITS;
        command.tally = id;
        command.generation = tally.generation;
        (void)hooks_.command(command);
        command.kind = BRINK_COMMAND_COMMIT;
        if (tally.fresh) (void)hooks_.command(command);
    }
}

bool SharedSubjects::takes(const brink_record& record) {
    const auto found = watched_.find(record.watch);
    if (found == watched_.end()) return true;
    Known& known = known_[record.tally];
    if (known.generation != record.generation || known.subject.name.empty()) {
        known = Known{record.generation, true, subject_in(record, found->second)};
        const Selection& selection = found->second.selection;
        if (way_of(selection) == BRINK_TAKE_ASK)
            known.wanted = match_cgroup(selection, known.subject.cgroup) != Match::no;
        if (!known.wanted) {
            brink_command command{};
            command.kind = BRINK_COMMAND_DROP;
            command.tally = record.tally;
            command.generation = record.generation;
            (void)hooks_.command(command);
        }
    }
    return known.wanted && record.type != BRINK_RECORD_BEGIN;
}

const resource::Subject* SharedSubjects::subject_of(std::uint32_t tally) const {
    const auto known = known_.find(tally);
    return known == known_.end() || known->second.subject.name.empty() ? nullptr
                                                                       : &known->second.subject;
}

// Of a cgroup that is being made the hooks hear a moment before it can be found. Empty: it was removed before it could
// be asked for its name.
std::string SharedSubjects::path_of(const brink_record& record,
                                    const kernel::CgroupTree& tree) const {
    for (int tries = 0;; ++tries) {
        std::string path = tree.path(record.cgroup_id);
        const bool gone = hooks_.tally(record.tally).generation != record.generation;
        if (!path.empty() || gone || tries == kMostTries) return path;
        std::this_thread::sleep_for(kPauseBetweenTries);
    }
}

resource::Subject SharedSubjects::subject_in(const brink_record& record, const Watched& watched) {
    resource::Subject subject;
    if (watched.scope == Scope::user) {
        if (own_namespace_ == 0) own_namespace_ = kernel::Machine().own_user_namespace();
        const auto user_namespace = static_cast<std::uint32_t>(record.cgroup_id >> 32);
        subject.uid = static_cast<std::uint32_t>(record.cgroup_id);
        if (user_namespace != own_namespace_) subject.user_namespace = user_namespace;
        subject.name = fmt::format("user {}", *subject.uid);
        return subject;
    }
    subject.cgroup = path_of(record, *watched.tree);
    if (subject.cgroup.empty()) subject.cgroup = fmt::format("#{}", record.cgroup_id);
    subject.name = "cgroup " + subject.cgroup;
    return subject;
}

}  // namespace brink::engine
