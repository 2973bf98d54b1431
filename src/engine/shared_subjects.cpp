// SPDX-License-Identifier: Apache-2.0
#include "engine/shared_subjects.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "base/fd.hpp"
#include "kernel/file_text.hpp"

namespace brink::engine {

Result<void> SharedSubjects::select(std::uint32_t number, const brink_watch& watch,
                                    const Resource& resource, const Selection& selection) {
    brink_watch selecting = watch;
    selecting.select = selection.by == SelectBy::user ? BRINK_SELECT_USER : BRINK_SELECT_ALL;
    selecting.selected = selection.uid;
    if (resource.scope != Scope::user)
        return fail(fmt::format("no engine has hooks for every {}", scope_name(resource.scope)),
                    EOPNOTSUPP);
    if (auto stored = hooks_.set_watch(number, selecting); !stored) return stored;
    of_users_.push_back(number);
    return bind_users(number);
}

void SharedSubjects::gather_limits() {
    for (const std::uint32_t number : of_users_) (void)bind_users(number);
}

// A user is found through each of its processes, which bring their limits with them.
Result<void> SharedSubjects::bind_users(std::uint32_t number) {
    Tallies bound;
    Result<void> answer;
    const auto listed = kernel::for_each_number("/proc", [&](std::uint32_t pid) {
        answer = bind_user_of(pid, number, bound);
        return answer.has_value();
    });
    if (!listed) return tl::unexpected<Error>(listed.error());
    for (const auto& [id, tally] : bound) {
        brink_command command{};
        command.kind = BRINK_COMMAND_LIMITS;
        command.tally = id;
        command.generation = tally.generation;
        (void)hooks_.command(command);
        command.kind = BRINK_COMMAND_COMMIT;
        if (tally.fresh) (void)hooks_.command(command);
    }
    return answer;
}

Result<void> SharedSubjects::bind_user_of(std::uint32_t pid, std::uint32_t number,
                                          Tallies& bound) {
    const Fd process(
        ::open(fmt::format("/proc/{}", pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!process) return {};  // it has ended meanwhile
    brink_command command{};
    command.kind = BRINK_COMMAND_BIND;
    command.watch = number;
    command.proc_fd = process.get();
    const brink_answer answer = hooks_.command(command);
    switch (answer.error) {
        case 0:
        case -EEXIST: {
            Bound& tally = bound[answer.tally];
            tally.generation = answer.generation;
            tally.fresh |= answer.error == 0;
            return {};
        }
        case -ESRCH:  // it has ended, or its user is another one
            return {};
        case -ENOSPC:
            return fail("the tables are full; --max-subjects makes them larger", ENOSPC);
        default:
            return fail(fmt::format("cannot watch the user of process {}: {}", pid,
                                    std::strerror(-answer.error)),
                        -answer.error);
    }
}

}  // namespace brink::engine
