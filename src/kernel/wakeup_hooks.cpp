// SPDX-License-Identifier: Apache-2.0
#include "kernel/wakeup_hooks.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "brink_latency.skel.h"
#include "kernel/btf_options.hpp"
#include "kernel/libbpf_messages.hpp"
#include "kernel/preemption.hpp"

namespace brink::kernel {
namespace {

constexpr std::uint32_t kMinRingBytes = 1U << 18;
constexpr std::uint32_t kMaxRingBytes = 1U << 22;
constexpr std::uint32_t kRingBytesPerThread = 2048;  // a record

// What a program is for.
enum class Role { command, measure, watch, both, interrupt };

struct Program {
    std::string_view name;
    Role role;
};

constexpr Program kPrograms[] = {
    {"on_enrol", Role::command},      {"on_expire", Role::measure},
    {"on_waking", Role::both},        {"on_switch", Role::both},
    {"on_sleeper_fork", Role::watch}, {"on_sleeper_exec", Role::watch},
    {"on_sleeper_exit", Role::watch}, {"on_cgroup_mkdir", Role::watch},
};

Role role_of(std::string_view name) {
    for (const Program& program : kPrograms)
        if (program.name == name) return program.role;
    return Role::interrupt;
}

std::size_t round_to_pages(std::size_t bytes) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
}

std::size_t map_bytes(const bpf_map* map) {
    const std::size_t value = (bpf_map__value_size(map) + std::size_t{7}) & ~std::size_t{7};
    return round_to_pages(bpf_map__max_entries(map) * value);
}

// Read only. Its pages are there at once: a thread that is measured must not wait for them.
Result<const void*> map_memory(const bpf_map* map) {
    void* address = ::mmap(nullptr, map_bytes(map), PROT_READ, MAP_SHARED | MAP_POPULATE,
                           bpf_map__fd(map), 0);
    if (address == MAP_FAILED) return fail_errno(std::string("cannot map ") + bpf_map__name(map));
    return address;
}

// On PREEMPT_RT the lock of a ring buffer was one that sleeps before 6.12 (commit 8b62645b09f8) and its stable
// kernels: the scheduler must not take it. `btf`: as in WakeupOptions.
Result<void> check_ring_lock(const std::string& btf_file) {
    if (kernel_preemption() != Preemption::realtime) return {};
    btf* types = btf_file.empty() ? btf__load_vmlinux_btf() : btf__parse(btf_file.c_str(), nullptr);
    bool sleeps = true;  // as long as nothing else is known
    const int id = types ? btf__find_by_name_kind(types, "bpf_ringbuf", BTF_KIND_STRUCT) : -1;
    if (id > 0) {
        const btf_type* ring = btf__type_by_id(types, static_cast<__u32>(id));
        const btf_member* member = btf_members(ring);
        for (std::uint32_t i = 0; i < btf_vlen(ring); ++i, ++member) {
            if (std::string_view(btf__name_by_offset(types, member->name_off)) != "spinlock")
                continue;
            const btf_type* lock = btf__type_by_id(types, member->type);
            sleeps = std::string_view(btf__name_by_offset(types, lock->name_off)) == "spinlock_t";
        }
    }
    btf__free(types);
    if (!sleeps) return {};
    return fail("the ring buffer of this PREEMPT_RT kernel cannot be used where tasks are switched "
                "(repaired in Linux 6.12 and its stable kernels)",
                EOPNOTSUPP);
}

}  // namespace

WakeupHooks::~WakeupHooks() {
    for (bpf_link* link : links_) bpf_link__destroy(link);
    ring_buffer__free(ring_);
    if (sleepers_)
        ::munmap(const_cast<brink_sleeper*>(sleepers_), map_bytes(skeleton_->maps.sleepers));
    if (logs_) ::munmap(const_cast<std::byte*>(logs_), map_bytes(skeleton_->maps.logs));
    brink_latency__destroy(skeleton_);
}

Result<std::unique_ptr<WakeupHooks>> WakeupHooks::start(const WakeupOptions& options) {
    if (options.mode == BRINK_WAKEUPS_WATCH)
        if (auto usable = check_ring_lock(options.btf); !usable)
            return tl::unexpected(usable.error());
    Result<void> started;
    // A kernel whose sched_switch has fewer arguments refuses the program that looks at the last one (EINVAL).
    for (const bool switch_says_state : {true, false}) {
        std::unique_ptr<WakeupHooks> hooks(new WakeupHooks);
        started = hooks->load(options, switch_says_state);
        if (started) started = hooks->attach();
        if (started) return hooks;
        if (started.error().code != EINVAL) break;
    }
    return tl::unexpected(started.error());
}

Result<void> WakeupHooks::load(const WakeupOptions& options, bool switch_says_state) {
    if (options.btf.empty() && ::access("/sys/kernel/btf/vmlinux", R_OK) != 0)
        return fail("this kernel does not describe its types (/sys/kernel/btf/vmlinux is missing)",
                    ENOENT);
    LibbpfMessages messages;
    const bpf_object_open_opts opening = open_options(options.btf);
    skeleton_ = brink_latency__open_opts(&opening);
    if (!skeleton_) return fail("cannot prepare the BPF programs: " + messages.why(errno), errno);
    n_slots_ = options.max_threads + 1;
    n_cpus_ = static_cast<std::uint32_t>(std::max(libbpf_num_possible_cpus(), 1));
    auto& maps = skeleton_->maps;
    bpf_map__set_max_entries(maps.sleepers, n_slots_);
    bpf_map__set_max_entries(maps.slot_by_task, n_slots_);
    bpf_map__set_max_entries(maps.free_slots, n_slots_);
    bpf_map__set_max_entries(maps.logs, n_cpus_);
    std::uint32_t ring = kMinRingBytes;
    while (ring < kMaxRingBytes && ring < options.max_threads * kRingBytesPerThread) ring *= 2;
    bpf_map__set_max_entries(maps.late, options.mode == BRINK_WAKEUPS_WATCH ? ring : 4096);
    skeleton_->rodata->mode = options.mode;
    skeleton_->rodata->switch_says_state = switch_says_state;
    choose_programs(options.mode);
    if (const int error = brink_latency__load(skeleton_)) return fail(messages.why(-error), -error);
    return fill_maps();
}

void WakeupHooks::choose_programs(brink_wakeups_mode mode) {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton_->obj) {
        const Role role = role_of(bpf_program__name(program));
        if (role == Role::measure || role == Role::watch)
            bpf_program__set_autoload(program,
                                      (role == Role::measure) == (mode == BRINK_WAKEUPS_MEASURE));
    }
}

Result<void> WakeupHooks::fill_maps() {
    for (std::uint32_t slot = 1; slot < n_slots_; ++slot)
        if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.free_slots), nullptr, &slot, BPF_ANY))
            return fail_errno("cannot fill the list of free slots");
    const auto sleepers = map_memory(skeleton_->maps.sleepers);
    if (!sleepers) return tl::unexpected(sleepers.error());
    sleepers_ = static_cast<const brink_sleeper*>(*sleepers);
    const auto logs = map_memory(skeleton_->maps.logs);
    if (!logs) return tl::unexpected(logs.error());
    logs_ = static_cast<const std::byte*>(*logs);
    const auto on_record = [](void* self, void* data, std::size_t bytes) {
        if (bytes >= sizeof(brink_late_record))
            (*static_cast<WakeupHooks*>(self)->handler_)(
                *static_cast<const brink_late_record*>(data));
        return 0;
    };
    ring_ = ring_buffer__new(bpf_map__fd(skeleton_->maps.late), on_record, this, nullptr);
    if (!ring_) return fail_errno("cannot map the ring of records");
    return {};
}

Result<void> WakeupHooks::attach() {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton_->obj) {
        const Role role = role_of(bpf_program__name(program));
        if (role == Role::command || bpf_program__fd(program) < 0) continue;
        LibbpfMessages messages;
        if (bpf_link* link = bpf_program__attach(program)) {
            links_.push_back(link);
            continue;
        }
        const int error = errno;
        std::string_view place = bpf_program__section_name(program);
        place.remove_prefix(std::min(place.find('/') + 1, place.size()));
        if (role != Role::interrupt)
            return fail("cannot attach to " + std::string(place) + ": " + messages.why(error),
                        error);
        if (place.ends_with("_entry"))
            unseen_.append(unseen_.empty() ? "" : ", ").append(place.substr(0, place.size() - 6));
    }
    return {};
}

Result<void> WakeupHooks::run_enrol(int proc_fd, std::uint32_t flags, std::uint32_t watches) {
    brink_enrol& enrol = skeleton_->bss->enrol;
    enrol = {};
    enrol.proc_fd = proc_fd;
    enrol.flags = flags;
    enrol.watches = watches;
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    if (bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.on_enrol), &options))
        return fail_errno("cannot run a program in the kernel (BPF_PROG_TEST_RUN)");
    return {};
}

Result<std::uint32_t> WakeupHooks::enrol(int proc_fd, std::uint32_t flags, std::uint32_t watches) {
    if (auto run = run_enrol(proc_fd, flags, watches); !run) return tl::unexpected(run.error());
    const brink_enrol& enrol = skeleton_->bss->enrol;
    if (enrol.error == -ENOSPC)
        return fail("there is no room for another thread; --max-subjects makes more", ENOSPC);
    if (enrol.error) return fail("the thread is ending", -enrol.error);
    return enrol.slot;
}

Result<std::uint32_t> WakeupHooks::own_cgroup_level() {
    if (auto run = run_enrol(-2, 0, 0); !run) return tl::unexpected(run.error());
    return skeleton_->bss->enrol.cgroup_level;
}

Result<void> WakeupHooks::set_watch(std::uint32_t index, const brink_late_watch& watch) {
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.late_watches), &index, &watch, BPF_ANY))
        return fail_errno("cannot store the levels of a watch");
    if (watch.flags & BRINK_WATCH_INHERIT) skeleton_->bss->inherited_watches |= 1U << index;
    lowest_level_ = std::min<std::uint64_t>(lowest_level_, watch.bounds.at[1]);
    __atomic_store_n(&skeleton_->data->lowest_level, lowest_level_, __ATOMIC_RELEASE);
    return {};
}

void WakeupHooks::select(brink_selects what, std::uint32_t watches,
                         std::span<const brink_selected_cgroup> cgroups) {
    auto* bss = skeleton_->bss;
    bss->selects = BRINK_SELECTS_NONE;
    std::copy(cgroups.begin(), cgroups.end(), bss->cgroups);
    bss->n_cgroups = static_cast<std::uint32_t>(cgroups.size());
    bss->select_watches = watches;
    __atomic_store_n(&bss->selects, what, __ATOMIC_RELEASE);
}

const brink_sleeper& WakeupHooks::sleeper(std::uint32_t slot) const {
    return sleepers_[slot < n_slots_ ? slot : 0];
}

const brink_cpu_log* WakeupHooks::log(std::uint32_t cpu) const {
    if (cpu >= n_cpus_) return nullptr;
    return reinterpret_cast<const brink_cpu_log*>(logs_ + cpu * sizeof(brink_cpu_log));
}

int WakeupHooks::fd() const { return ring_buffer__epoll_fd(ring_); }

void WakeupHooks::read(const RecordHandler& handler) {
    handler_ = &handler;
    ring_buffer__consume(ring_);
    handler_ = nullptr;
}

std::uint64_t WakeupHooks::dropped() const {
    return __atomic_load_n(&skeleton_->bss->n_dropped, __ATOMIC_ACQUIRE);
}

std::uint64_t WakeupHooks::unwatched() const {
    return __atomic_load_n(&skeleton_->bss->n_unwatched, __ATOMIC_ACQUIRE);
}

}  // namespace brink::kernel
