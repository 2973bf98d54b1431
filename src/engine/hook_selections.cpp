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

Result<void> HookSelections::add_names(const std::vector<std::string_view>& names,
                                       brink_selector& selector) {
    selector.first_name = n_names_;
    selector.n_names = static_cast<brink_u32>(names.size());
    if (n_names_ + names.size() > BRINK_MAX_SELECTOR_NAMES)
        return fail(fmt::format("paths of selections have more than {} parts together",
                                BRINK_MAX_SELECTOR_NAMES),
                    ENOSPC);
    for (const std::string_view part : names) {
        brink_selector_name name{};
        if (part.size() >= sizeof name.text)
            return fail(fmt::format("'{}' is longer than the {} bytes of a name of a file",
                                    part.substr(0, 32), sizeof name.text - 1),
                        ENAMETOOLONG);
        std::copy(part.begin(), part.end(), name.text);
        name.bytes = static_cast<brink_u32>(part.size());
        if (auto stored = hooks_->set_selector_name(n_names_++, name); !stored) return stored;
    }
    return {};
}

Result<void> HookSelections::add(std::uint32_t watch, const Selection& selection) {
    const kernel::Procfs procfs;
    if (selection.by == SelectBy::cgroup && !procfs.sees_all_cgroups())
        return fail("option --cgroup: brink is in a cgroup namespace of its own, where paths are "
                    "not those of the kernel; use --unit or --container",
                    EOPNOTSUPP);
    const auto found = std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
        return known.selection.by == selection.by && known.selection.value == selection.value;
    });
    auto at = static_cast<std::uint32_t>(found - known_.begin());
    if (found == known_.end()) {
        if (known_.size() == BRINK_MAX_SELECTORS)
            return fail(fmt::format("more than {} selections", BRINK_MAX_SELECTORS), ENOSPC);
        brink_selector selector{};
        selector.by = wire_by(selection.by);
        selector.uid = selection.uid;
        if (selection.by == SelectBy::comm)
            std::copy_n(selection.value.data(),
                        std::min(selection.value.size(), sizeof selector.comm - 1), selector.comm);
        if (auto added = add_names(names_of(selection), selector); !added) return added;
        known_.push_back({selection, selector});
    }
    known_[at].selector.watches |= std::uint64_t{1} << watch;
    watches_ |= std::uint64_t{1} << watch;
    if (auto stored = hooks_->set_selector(at, known_[at].selector); !stored) return stored;
    hooks_->use_selectors(static_cast<std::uint32_t>(known_.size()), watches_,
                          procfs.systemd_hierarchy());
    return {};
}

// Whoever is born while the list is read has been seen by the hook on fork.
void HookSelections::look_at_all() {
    if (known_.empty()) return;
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
