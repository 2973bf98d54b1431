// SPDX-License-Identifier: Apache-2.0
// What Hooks writes and reads where watches are set by selection.
#include "kernel/hooks.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "brink_bpf.skel.h"

namespace brink::kernel {

brink_watch Hooks::watch(std::uint32_t index) const {
    brink_watch watch{};
    (void)bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.watches), &index, &watch);
    return watch;
}

Result<void> Hooks::set_selector(std::uint32_t index, const brink_selector& selector) {
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.selectors), &index, &selector, BPF_ANY))
        return fail_errno("cannot store a selection");
    return {};
}

Result<void> Hooks::set_selector_name(std::uint32_t index, const brink_selector_name& name) {
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.selector_names), &index, &name, BPF_ANY))
        return fail_errno("cannot store a name of a selection");
    return {};
}

void Hooks::set_selected(std::uint32_t bit, std::uint32_t watch) {
    __atomic_store_n(&skeleton_->bss->selected_watch[bit % BRINK_MAX_SELECTED], watch,
                     __ATOMIC_RELEASE);
}

void Hooks::use_selectors(std::uint32_t count, int systemd_hierarchy) {
    auto& bss = *skeleton_->bss;
    __atomic_store_n(&bss.systemd_hierarchy, systemd_hierarchy, __ATOMIC_RELEASE);
    __atomic_store_n(&bss.n_selectors, count, __ATOMIC_RELEASE);
}

std::uint64_t Hooks::pending() const {
    return __atomic_load_n(&skeleton_->bss->n_pending, __ATOMIC_ACQUIRE);
}

}  // namespace brink::kernel
