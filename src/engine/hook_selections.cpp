// SPDX-License-Identifier: Apache-2.0
#include "engine/hook_selections.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.hpp"
#include "kernel/file_text.hpp"
#include "kernel/procfs.hpp"

namespace brink::engine {
namespace {

constexpr int kTries = 16;

brink_select_by wire_by(SelectBy by) {
    switch (by) {
        case SelectBy::unit: return BRINK_SELECT_UNIT;
        case SelectBy::cgroup: return BRINK_SELECT_CGROUP;
        case SelectBy::comm: return BRINK_SELECT_COMM;
        case SelectBy::exe: return BRINK_SELECT_EXE;
        case SelectBy::user: return BRINK_SELECT_USER;
        case SelectBy::container: return BRINK_SELECT_CONTAINER;
        case SelectBy::realtime: return BRINK_SELECT_REALTIME;
        default: return BRINK_SELECT_ALL;
    }
}

// "/usr/bin/x": usr, bin, x.
std::vector<std::string_view> parts_of(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        if (slash > 0) parts.push_back(path.substr(0, slash));
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return parts;
}

std::vector<std::string_view> names_of(const Selection& selection) {
    switch (selection.by) {
        case SelectBy::cgroup:
        case SelectBy::exe: return parts_of(selection.value);
        case SelectBy::unit:
        case SelectBy::container: return {selection.value};
        default: return {};
    }
}

}  // namespace

Result<std::uint32_t> HookSelections::bit_for(std::uint32_t watch) {
    const auto free = std::find(watches_.begin(), watches_.end(), std::nullopt);
    if (free == watches_.end())
        return fail(fmt::format("more than {} watches are set by selection", watches_.size()),
                    ENOSPC);
    *free = watch;
    const auto bit = static_cast<std::uint32_t>(free - watches_.begin());
    hooks_->set_selected(bit, watch);
    return bit;
}

// The first of `count` names that no selection in force has.
std::optional<std::uint32_t> HookSelections::room_for_names(std::size_t count) const {
    std::uint32_t first = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (const auto& [selection, used] : known_) {
            const std::uint32_t end = used.first_name + used.n_names;
            if (!used.watches || first >= end || first + count <= used.first_name) continue;
            first = end;
            moved = true;
        }
    }
    if (first + count > BRINK_MAX_SELECTOR_NAMES) return std::nullopt;
    return first;
}

Result<void> HookSelections::add_names(const std::vector<std::string_view>& names,
                                       brink_selector& selector) {
    const auto first = room_for_names(names.size());
    if (!first)
        return fail(fmt::format("paths of selections have more than {} parts together",
                                BRINK_MAX_SELECTOR_NAMES),
                    ENOSPC);
    selector.first_name = *first;
    selector.n_names = static_cast<brink_u32>(names.size());
    for (std::uint32_t i = 0; i < names.size(); ++i) {
        brink_selector_name name{};
        if (names[i].size() >= sizeof name.text)
            return fail(fmt::format("'{}' is longer than the {} bytes of a name of a file",
                                    names[i].substr(0, 32), sizeof name.text - 1),
                        ENAMETOOLONG);
        std::copy(names[i].begin(), names[i].end(), name.text);
        name.bytes = static_cast<brink_u32>(names[i].size());
        if (auto stored = hooks_->set_selector_name(*first + i, name); !stored) return stored;
    }
    return {};
}

// Where `selection` stands, if need be from now on, without a watch.
Result<std::uint32_t> HookSelections::place_for(const Selection& selection) {
    auto at = std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
        return known.selector.watches && known.selection.by == selection.by &&
               known.selection.value == selection.value;
    });
    if (at != known_.end()) return static_cast<std::uint32_t>(at - known_.begin());
    brink_selector selector{};
    selector.by = wire_by(selection.by);
    selector.uid = selection.uid;
    if (selection.by == SelectBy::comm)
        std::copy_n(selection.value.data(),
                    std::min(selection.value.size(), sizeof selector.comm - 1), selector.comm);
    if (auto added = add_names(names_of(selection), selector); !added)
        return tl::unexpected(added.error());
    at = std::find_if(known_.begin(), known_.end(),
                      [](const Known& known) { return !known.selector.watches; });
    if (at == known_.end()) {
        if (known_.size() == BRINK_MAX_SELECTORS)
            return fail(fmt::format("more than {} selections", BRINK_MAX_SELECTORS), ENOSPC);
        at = known_.emplace(at);
    }
    *at = {selection, selector};
    const auto place = static_cast<std::uint32_t>(at - known_.begin());
    if (auto stored = hooks_->set_selector(place, selector); !stored)
        return tl::unexpected(stored.error());
    return place;
}

Result<void> HookSelections::add(std::uint32_t bit, const Selection& selection) {
    const kernel::Procfs procfs;
    if (selection.by == SelectBy::cgroup && !procfs.sees_all_cgroups())
        return fail("option --cgroup: brink is in a cgroup namespace of its own, where paths are "
                    "not those of the kernel; use --unit or --container",
                    EOPNOTSUPP);
    const auto place = place_for(selection);
    if (!place) return tl::unexpected(place.error());
    brink_selector& selector = known_[*place].selector;
    selector.watches |= std::uint64_t{1} << bit;
    if (auto stored = hooks_->set_selector(*place, selector); !stored) return stored;
    hooks_->use_selectors(static_cast<std::uint32_t>(known_.size()), procfs.systemd_hierarchy());
    return {};
}

void HookSelections::remove(std::uint32_t watch) {
    for (std::uint32_t bit = 0; bit < watches_.size(); ++bit) {
        if (watches_[bit] != watch) continue;
        watches_[bit].reset();
        for (std::uint32_t at = 0; at < known_.size(); ++at) {
            brink_selector& selector = known_[at].selector;
            if (!(selector.watches >> bit & 1)) continue;
            selector.watches &= ~(std::uint64_t{1} << bit);
            (void)hooks_->set_selector(at, selector);
        }
    }
}

// Whoever is born while the list is read has been seen by the hook on fork.
void HookSelections::look_at_all() {
    if (watches_ == decltype(watches_){}) return;
    (void)kernel::for_each_number("/proc", [&](std::uint32_t pid) {
        const std::string path = fmt::format("/proc/{}", pid);
        const Fd process(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        brink_command command{};
        command.kind = BRINK_COMMAND_SELECT;
        command.proc_fd = process.get();
        for (int i = 0; process && i < kTries; ++i)
            if (hooks_->command(command).error != -EAGAIN) break;
        return true;
    });
}

}  // namespace brink::engine
