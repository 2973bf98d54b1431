// SPDX-License-Identifier: Apache-2.0
// PollSource and selections: one look at all processes, whom each of them is of, and what that changes.
#include <unistd.h>

#include <algorithm>

#include "engine/poll_source.hpp"
#include "engine/selection_match.hpp"
#include "kernel/file_text.hpp"

namespace brink::engine {

Result<void> PollSource::select(std::uint32_t watch, const Selection& selection) {
    watches_.at(watch).levels.flags &= ~static_cast<brink_u32>(BRINK_WATCH_INHERIT);
    const auto known = std::find_if(selecting_.begin(), selecting_.end(), [&](const auto& other) {
        return other.selection.by == selection.by && other.selection.value == selection.value;
    });
    if (known == selecting_.end())
        selecting_.push_back({selection, {watch}});
    else
        known->watches.push_back(watch);
    (void)discover_selected();
    discover_interval_ = interval_.min();
    discover_due_ = Duration::zero();
    set_timer();
    return {};
}

RecordSource::Selected PollSource::selected(std::uint32_t watch) const {
    Selected selected;
    selected.forbidden = forbidden_;
    for (const auto& [key, subject] : subjects_)
        if (subject.has(watch))
            if (const auto reading = watches_[watch].definition->read_process({procfs_, key.first}))
                selected.limits.push_back(reading->limit);
    return selected;
}

// Whether anyone has come.
bool PollSource::discover_selected() {
    if (selecting_.empty()) return false;
    bool any = false;
    forbidden_ = 0;
    (void)kernel::for_each_number(procfs_.root(), [&](std::uint32_t pid) {
        if (reconcile(static_cast<pid_t>(pid))) any = true;
        return true;
    });
    return any;
}

// Whether `pid` is watched from now on, or by more watches than before.
bool PollSource::reconcile(pid_t pid) {
    if (pid == ::getpid()) return false;
    const Key key{pid, false};
    auto subject = subjects_.find(key);
    std::vector<std::uint32_t> lacking;
    std::vector<std::uint32_t> unwanted;
    for (const Selecting& selecting : selecting_) {
        const bool wanted = is_selected(selecting.selection, procfs_, pid);
        for (const std::uint32_t watch : selecting.watches) {
            const bool there = subject != subjects_.end() && subject->second.has(watch);
            if (wanted && !there) lacking.push_back(watch);
            if (!wanted && there) unwanted.push_back(watch);
        }
    }
    if (subject != subjects_.end() && subject->second.who().ended(procfs_)) {
        finish(key,
               BRINK_EXIT_ENDED);  // what was found out is of another, who comes with the next look
        return false;
    }
    if (!unwanted.empty()) let_go(key, unwanted);
    if (lacking.empty()) return false;
    subject = subjects_.find(key);
    if (subject != subjects_.end()) {
        give(subject->second, key, lacking);
        return true;
    }
    auto who = kernel::ProcessIdentity::take(procfs_, pid);
    if (!who || who->ended(procfs_)) return false;
    if (!procfs_.may_watch(pid)) {
        ++forbidden_;
        return false;
    }
    return take_in(std::move(*who), lacking);
}

void PollSource::let_go(Key key, const std::vector<std::uint32_t>& watches) {
    PollSubject& subject = subjects_.at(key);
    for (const std::uint32_t watch : watches)
        if (const auto slot = subject.leave(watch)) slots_.give_back(*slot);
    forget_if_unwatched(key);
}

}  // namespace brink::engine
