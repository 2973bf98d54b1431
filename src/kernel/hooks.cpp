// SPDX-License-Identifier: Apache-2.0
#include "kernel/hooks.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "bpf/wire.h"
#include "brink_bpf.skel.h"
#include "kernel/btf_options.hpp"
#include "kernel/libbpf_messages.hpp"
#include "kernel/preemption.hpp"
#include "kernel/syscall_effects.hpp"

namespace brink::kernel {
namespace {

constexpr std::uint32_t kMinRingBytes = 1U << 19;
constexpr std::uint32_t kMaxRingBytes = 1U << 24;
constexpr std::uint32_t kRingBytesPerSubject = 1024;  // seven records
constexpr std::uint32_t kRecordsPerRead = 65536;

std::size_t in_pages(std::size_t bytes) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
}

bool kernel_has_btf() { return ::access("/sys/kernel/btf/vmlinux", R_OK) == 0; }

}  // namespace

struct Hooks::Hook {
    const HookPlace* place = nullptr;
    HookChoice choice;
    bpf_program* program = nullptr;
    bpf_link* link = nullptr;
    std::string reason;
    bool applies = false;  // to this engine on this kernel
    bool wanted = false;
};

Hooks::Hooks() = default;

Hooks::~Hooks() {
    for (Hook& hook : hooks_) bpf_link__destroy(hook.link);
    ring_buffer__free(ring_);
    if (tallies_) ::munmap(tallies_, tallies_bytes_);
    if (accounts_) ::munmap(accounts_, in_pages(n_accounts_ * sizeof *accounts_));
    brink_bpf__destroy(skeleton_);
}

Result<std::unique_ptr<Hooks>> Hooks::load(const HookOptions& options) {
    // EAGAIN: a signal came while the kernel looked at a program. libbpf tries a few times itself.
    constexpr int kAttempts = 10;
    for (int attempt = 1;; ++attempt) {
        std::unique_ptr<Hooks> hooks(new Hooks);
        const auto opened = hooks->open(options);
        if (opened) return hooks;
        if (opened.error().code != EAGAIN || attempt == kAttempts)
            return tl::unexpected(opened.error());
    }
}

std::vector<HookStatus> Hooks::load_each(const HookOptions& options) {
    std::vector<HookStatus> all;
    for (std::size_t i = 0; i < hook_places().size(); ++i) {
        Hooks alone;
        auto prepared = alone.prepare(options);
        if (alone.hooks_.size() != hook_places().size()) continue;
        for (std::size_t k = 0; k < alone.hooks_.size(); ++k)
            if (k != i && alone.hooks_[k].program)
                bpf_program__set_autoload(alone.hooks_[k].program, false);
        Hook& hook = alone.hooks_[i];
        if (!hook.applies) continue;
        LibbpfMessages messages;
        if (hook.wanted) {
            if (const int error = brink_bpf__load(alone.skeleton_))
                hook.reason = messages.why(-error);
        }
        HookStatus& status = all.emplace_back(describe(hook));
        status.loaded = hook.reason.empty() && hook.wanted;
    }
    return all;
}

// Everything before loading.
Result<void> Hooks::prepare(const HookOptions& options) {
    engine_ = options.engine;
    if (!kernel_has_btf()) {
        if (options.btf.empty())
            return fail("this kernel does not describe its types (/sys/kernel/btf/vmlinux is "
                        "missing); give a description with --btf FILE",
                        ENOENT);
        if (engine_ == HookEngine::kernel)
            return fail("tracing programs need the kernel's own BTF, a file cannot replace it",
                        ENOENT);
    }
    LibbpfMessages messages;
    const bpf_object_open_opts opening = open_options(options.btf);
    skeleton_ = brink_bpf__open_opts(&opening);
    if (!skeleton_) return fail("cannot prepare the BPF programs: " + messages.why(errno), errno);
    size_maps(options);
    return choose_programs(options);
}

Result<void> Hooks::open(const HookOptions& options) {
    if (auto prepared = prepare(options); !prepared) return prepared;
    LibbpfMessages messages;
    if (const int error = brink_bpf__load(skeleton_)) return fail(messages.why(-error), -error);

    for (std::uint32_t id = 1; id < n_tallies_; ++id)
        if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.free_tallies), nullptr, &id, BPF_ANY))
            return fail_errno("cannot fill the list of free tallies");
    if (auto mapped = map_tallies(); !mapped) return mapped;
    if (auto mapped = map_accounts(); !mapped) return mapped;
    const auto on_record = [](void* self, void* data, std::size_t bytes) {
        auto* hooks = static_cast<Hooks*>(self);
        (*hooks->handler_)(data, bytes);
        return --hooks->room_ > 0 ? 0 : -EAGAIN;
    };
    ring_ = ring_buffer__new(bpf_map__fd(skeleton_->maps.records), on_record, this, nullptr);
    if (!ring_) return fail_errno("cannot map the ring of records");
    brink_command learn{};
    learn.kind = BRINK_COMMAND_LEARN;
    if (const int error = command(learn).error)
        return fail_errno("cannot run a program in the kernel (BPF_PROG_TEST_RUN)", -error);
    return {};
}

void Hooks::size_maps(const HookOptions& options) {
    n_tallies_ = options.max_subjects + 1;
    // Of four places; a tally has two.
    const std::uint32_t sets = std::bit_ceil(std::max(options.max_subjects, 64U));
    auto& maps = skeleton_->maps;
    bpf_map__set_max_entries(maps.tallies, n_tallies_);
    bpf_map__set_max_entries(maps.free_tallies, n_tallies_);
    bpf_map__set_max_entries(maps.index_sets, sets);
    n_accounts_ = options.max_owners + 1;
    bpf_map__set_max_entries(maps.watches, options.max_watches);
    bpf_map__set_max_entries(maps.owners, n_accounts_);
    bpf_map__set_max_entries(maps.accounts, n_accounts_);
    bpf_map__set_max_entries(maps.records,
                             std::clamp(sets * kRingBytesPerSubject, kMinRingBytes, kMaxRingBytes));
    skeleton_->rodata->index_mask = sets - 1;
    skeleton_->rodata->n_tallies = n_tallies_;
    skeleton_->rodata->closes_hooked = options.closes;
    skeleton_->rodata->page_shift = static_cast<std::uint32_t>(
        std::countr_zero(static_cast<unsigned long>(::sysconf(_SC_PAGESIZE))));
    const auto effects = syscall_effects();
    static_assert(sizeof skeleton_->rodata->syscall_effect == sizeof effects);
    std::memcpy(const_cast<std::uint16_t*>(skeleton_->rodata->syscall_effect), effects.data(),
                sizeof effects);
}

// Decides which programs are loaded, and for those of engine `kernel` which of the names of their
// place this kernel has.
Result<void> Hooks::choose_programs(const HookOptions& options) {
    btf* types = engine_ == HookEngine::kernel ? btf__load_vmlinux_btf() : nullptr;
    if (engine_ == HookEngine::kernel && !types) return fail_errno("cannot read the kernel's BTF");
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton_->obj) bpf_program__set_autoload(
        program, program == skeleton_->progs.on_command ||
                     (program == skeleton_->progs.on_shared_command && options.shared) ||
                     (program == skeleton_->progs.on_select && options.selections));
    const Preemption preemption = kernel_preemption();
    const HookFlavour flavour = types ? hook_flavour(preemption, types) : HookFlavour::plain;
    preemptible_ = preemption != Preemption::none;
    leaves_out_ = types ? flavour == HookFlavour::noted || (preemptible_ && options.shared)
                        : preemptible_ && preempts_tracepoints();
    Result<void> answer;
    for (const HookPlace& place : hook_places()) {
        Hook& hook = hooks_.emplace_back();
        hook.place = &place;
        hook.applies = place.in(engine_) &&
                       (!place.is(HookPlace::kPreempted) || flavour != HookFlavour::plain);
        if (!hook.applies) continue;
        hook.choice = choose_hook(place, flavour, types, options.selections);
        hook.program = bpf_object__find_program_by_name(skeleton_->obj,
                                                        hook.choice.program.c_str());
        const bool asked = (!place.is(HookPlace::kCloses) || options.closes) &&
                           (!place.is(HookPlace::kDescriptors) || options.descriptors) &&
                           (!place.is(HookPlace::kMemory) || options.memory) &&
                           (!place.is(HookPlace::kResident) || options.resident) &&
                           (!place.is(HookPlace::kOwners) || options.owners) &&
                           (!place.is(HookPlace::kCgroups) || options.cgroups) &&
                           (!place.is(HookPlace::kNames) || options.names) &&
                           (!place.is(HookPlace::kUsers) || options.users) &&
                           (!place.is(HookPlace::kPolicies) || options.policies) &&
                           (!place.is(HookPlace::kProcesses) || options.processes) &&
                           (!place.is(HookPlace::kShared) || place.is(options.shared));
        hook.wanted = hook.choice.there && asked;
        if (!hook.choice.there && asked) {
            hook.reason = "this kernel has no function " + hook.choice.target;
            if (!place.is(HookPlace::kOptional)) answer = fail(hook.reason, ENOENT);
        } else if (hook.wanted && hook.choice.function && !hook.choice.kprobe) {
            bpf_program__set_attach_target(hook.program, 0, hook.choice.target.c_str());
        }
        bpf_program__set_autoload(hook.program, hook.wanted);
    }
    btf__free(types);
    return answer;
}

Result<void> Hooks::map_tallies() {
    tallies_bytes_ = in_pages(n_tallies_ * sizeof(brink_tally));
    void* address = ::mmap(nullptr, tallies_bytes_, PROT_READ, MAP_SHARED,
                           bpf_map__fd(skeleton_->maps.tallies), 0);
    if (address == MAP_FAILED) return fail_errno("cannot map the tallies");
    tallies_ = address;
    return {};
}

Result<void> Hooks::map_accounts() {
    void* address = ::mmap(nullptr, in_pages(n_accounts_ * sizeof *accounts_),
                           PROT_READ | PROT_WRITE, MAP_SHARED,
                           bpf_map__fd(skeleton_->maps.accounts), 0);
    if (address == MAP_FAILED) return fail_errno("cannot map the accounts");
    accounts_ = static_cast<brink_account*>(address);
    return {};
}

Result<void> Hooks::attach_hook(Hook& hook) {
    if (hook.link || !hook.wanted) return {};
    LibbpfMessages messages;
    if (hook.choice.kprobe) {
        const char* name = hook.choice.target.c_str();
        bpf_kprobe_multi_opts options{};
        options.sz = sizeof options;
        options.syms = &name;
        options.cnt = 1;
        hook.link = bpf_program__attach_kprobe_multi_opts(hook.program, nullptr, &options);
    } else {
        hook.link = bpf_program__attach(hook.program);
    }
    if (hook.link) return {};
    const int error = errno;
    hook.reason = messages.why(error);
    return fail("cannot attach to " + hook.choice.target + ": " + hook.reason, error);
}

Result<void> Hooks::attach() {
    for (Hook& hook : hooks_) {
        if (hook.place->is(HookPlace::kRefusals)) continue;
        if (auto attached = attach_hook(hook); !attached && !hook.place->is(HookPlace::kOptional))
            return attached;
    }
    return {};
}

Result<void> Hooks::attach_refusals() {
    for (Hook& hook : hooks_) {
        if (!hook.place->is(HookPlace::kRefusals)) continue;
        if (auto attached = attach_hook(hook); !attached) return attached;
    }
    return {};
}

bool Hooks::sees_refusals() const {
    return std::any_of(hooks_.begin(), hooks_.end(), [](const Hook& hook) {
        return hook.wanted && (hook.place->is(HookPlace::kRefusals) ||
                               hook.place->when == HookPlace::When::tracepoint);
    });
}

Result<void> Hooks::set_watch(std::uint32_t index, const brink_watch& watch) {
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.watches), &index, &watch, BPF_ANY))
        return fail_errno("cannot store the levels of a watch");
    return {};
}

Result<void> Hooks::set_account(std::uint32_t index, const brink_account& account) {
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.accounts), &index, &account, BPF_ANY))
        return fail_errno("cannot store the bounds of an account");
    return {};
}

void Hooks::take_from_account(std::uint32_t index) {
    if (index > 0 && index < n_accounts_)
        __atomic_fetch_add(&accounts_[index].taken, 1, __ATOMIC_RELEASE);
}

std::uint64_t Hooks::dropped_of(std::uint32_t account) const {
    return account < n_accounts_ ? __atomic_load_n(&accounts_[account].dropped, __ATOMIC_ACQUIRE)
                                 : 0;
}

void Hooks::set_max_mappings(std::uint64_t limit) {
    __atomic_store_n(&skeleton_->data->max_mappings, limit, __ATOMIC_RELEASE);
}

// The program that carries `command` out.
const bpf_program* Hooks::program_for(const brink_command& command) const {
    const auto& programs = skeleton_->progs;
    const auto shared = [&](std::uint32_t kind) {
        return brink_is_shared(kind) ? programs.on_shared_command : programs.on_command;
    };
    switch (command.kind) {
        case BRINK_COMMAND_LIMITS: return programs.on_shared_command;
        case BRINK_COMMAND_BIND: return shared(watch(command.watch).kind);
        case BRINK_COMMAND_CHECK: return shared(tally(command.tally).kind);
        case BRINK_COMMAND_SELECT: return programs.on_select;
        default: return programs.on_command;
    }
}

brink_answer Hooks::command(const brink_command& command) {
    const bpf_program* program = program_for(command);
    skeleton_->bss->command = command;
    skeleton_->bss->answer = {};
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    if (const int error = bpf_prog_test_run_opts(bpf_program__fd(program), &options)) {
        brink_answer failed{};
        failed.error = error < 0 ? error : -error;
        return failed;
    }
    return skeleton_->bss->answer;
}

int Hooks::fd() const { return ring_buffer__epoll_fd(ring_); }

void Hooks::read(const RecordHandler& handler) {
    handler_ = &handler;
    room_ = kRecordsPerRead;
    ring_buffer__consume(ring_);
    handler_ = nullptr;
}

const brink_tally& Hooks::tally(std::uint32_t id) const {
    return static_cast<const brink_tally*>(tallies_)[id < n_tallies_ ? id : 0];
}

std::uint64_t Hooks::dropped() const {
    return __atomic_load_n(&skeleton_->bss->n_dropped, __ATOMIC_ACQUIRE);
}

std::uint64_t Hooks::unwatched() const {
    return __atomic_load_n(&skeleton_->bss->n_unwatched, __ATOMIC_ACQUIRE);
}

bool Hooks::take_stale_limits() {
    return __atomic_exchange_n(&skeleton_->bss->limits_stale, 0U, __ATOMIC_ACQ_REL) != 0;
}

void Hooks::heard_wake() { __atomic_store_n(&skeleton_->bss->woken, 0U, __ATOMIC_RELEASE); }

std::uint64_t Hooks::missed() const {
    std::uint64_t missed = __atomic_load_n(&skeleton_->bss->n_unsettled, __ATOMIC_ACQUIRE);
    for (const Hook& hook : hooks_) {
        bpf_prog_info info{};
        std::uint32_t bytes = sizeof info;
        if (hook.link && !bpf_obj_get_info_by_fd(bpf_program__fd(hook.program), &info, &bytes))
            missed += info.recursion_misses;
    }
    return missed;
}

std::uint64_t Hooks::map_bytes() const {
    std::uint64_t bytes = 0;
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, skeleton_->obj) {
        const std::uint64_t value = (bpf_map__value_size(map) + 7U) & ~7U;
        bytes += bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF
                     ? bpf_map__max_entries(map)
                     : bpf_map__max_entries(map) * (value + bpf_map__key_size(map));
    }
    return bytes;
}

HookStatus Hooks::describe(const Hook& hook) {
    HookStatus status;
    status.name = hook.choice.target;
    status.kind = hook.choice.kind;
    status.purpose = hook.place->purpose;
    status.optional = hook.place->is(HookPlace::kOptional);
    status.provoked = !hook.place->is(HookPlace::kUnprovoked);
    status.shared = hook.place->traits & HookPlace::kShared;
    status.loaded = hook.wanted && bpf_program__fd(hook.program) >= 0;
    status.attached = hook.link != nullptr;
    status.reason = hook.reason;
    bpf_prog_info info{};
    std::uint32_t bytes = sizeof info;
    if (status.loaded && !bpf_obj_get_info_by_fd(bpf_program__fd(hook.program), &info, &bytes))
        status.runs = info.run_cnt;
    return status;
}

std::vector<bpf_link*> Hooks::iterators() const {
    std::vector<bpf_link*> links;
    for (const Hook& hook : hooks_)
        if (hook.link && hook.place->is_iterator()) links.push_back(hook.link);
    return links;
}

std::vector<HookStatus> Hooks::status() const {
    std::vector<HookStatus> all;
    for (const Hook& hook : hooks_)
        if (hook.applies) all.push_back(describe(hook));
    return all;
}

}  // namespace brink::kernel
