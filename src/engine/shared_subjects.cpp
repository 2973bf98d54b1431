// SPDX-License-Identifier: Apache-2.0
#include "engine/shared_subjects.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/fd.hpp"
#include "engine/subject_match.hpp"
#include "kernel/file_text.hpp"
#include "kernel/machine.hpp"
#include "resource/shared/sockets.hpp"

namespace brink::engine {
namespace {

constexpr const char* kFull = "the tables are full; --max-subjects makes them larger";
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

// The one with `inode`; without an address, if it listens no more.
kernel::ListeningSocket listening_at(kernel::Machine& machine, std::uint64_t inode) {
    const auto& all = machine.listening().sockets;
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const auto& socket) { return socket.inode == inode; });
    if (found != all.end()) return *found;
    kernel::ListeningSocket gone;
    gone.inode = inode;
    gone.address = fmt::format("#{}", inode);
    return gone;
}

// The first record of a socket says who has called listen(2).
resource::Subject socket_in(const brink_record& record) {
    kernel::Machine machine;
    const kernel::ListeningSocket socket = listening_at(machine, record.cgroup_id);
    const pid_t owner = record.ns_pid ? static_cast<pid_t>(record.ns_pid)
                                      : machine.descriptors().socket_owner(socket.inode);
    return resource::the_socket(machine, socket, owner);
}

// A daemon listens, and ends when its child goes on: whose the socket is now.
void find_owner(resource::Subject& subject) {
    if (!subject.pid || ::kill(*subject.pid, 0) == 0 || errno != ESRCH) return;
    kernel::Machine machine;
    kernel::ListeningSocket socket;
    socket.inode = subject.inode;
    socket.address = subject.target;
    subject = resource::the_socket(machine, socket,
                                   machine.descriptors().socket_owner(socket.inode));
}

brink_take way_of(const Selection& selection) {
    if (selection.by == SelectBy::all) return BRINK_TAKE_ALL;
    return selection.by == SelectBy::user ? BRINK_TAKE_USER : BRINK_TAKE_ASK;
}

}  // namespace

Result<void> SharedSubjects::select(std::uint32_t number, const Resource& resource,
                                    const Selection& selection) {
    Watched watched{&resource, selection, std::nullopt};
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
    if (resource.scope == Scope::user) return bind_users(number);
    return resource.scope == Scope::socket ? bind_sockets(number, kept)
                                           : bind_cgroups(number, kept);
}

void SharedSubjects::gather_limits() {
    for (const auto& [number, watched] : watched_)
        if (watched.resource->scope == Scope::user) (void)bind_users(number);
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

// All that listen are linked at once; then it is looked whose they are.
Result<void> SharedSubjects::bind_sockets(std::uint32_t number, const Watched& watched) {
    const auto linked = hooks_.link_listening(number);
    if (!linked) return tl::unexpected<Error>(linked.error());
    kernel::Machine machine;
    Tallies bound;
    for (const brink_answer& answer : *linked) {
        if (answer.error == -ENOSPC) return fail(kFull, ENOSPC);
        const kernel::ListeningSocket socket = listening_at(machine, answer.base);
        Known& known = known_[answer.tally];
        known.generation = answer.generation;
        known.subject = resource::the_socket(machine, socket,
                                             machine.descriptors().socket_owner(socket.inode));
        known.wanted = is_wanted(watched, known.subject);
        if (known.wanted)
            bound[answer.tally] = {answer.generation, answer.error == 0};
        else
            let_go(answer.tally, answer.generation);
    }
    settle(bound);
    return {};
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
        case -ENOSPC: return fail(kFull, ENOSPC);
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
        known.wanted = is_wanted(found->second, known.subject);
        if (!known.wanted) let_go(record.tally, record.generation);
    }
    if (known.wanted && known.subject.inode) find_owner(known.subject);
    return known.wanted && record.type != BRINK_RECORD_BEGIN;
}

bool SharedSubjects::is_wanted(const Watched& watched, const resource::Subject& subject) const {
    return way_of(watched.selection) != BRINK_TAKE_ASK ||
           match(watched.selection, *watched.resource, subject, procfs_) != Match::no;
}

void SharedSubjects::let_go(std::uint32_t tally, std::uint32_t generation) {
    brink_command command{};
    command.kind = BRINK_COMMAND_DROP;
    command.tally = tally;
    command.generation = generation;
    (void)hooks_.command(command);
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
    if (watched.resource->scope == Scope::socket) return socket_in(record);
    if (watched.resource->scope == Scope::user) {
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
