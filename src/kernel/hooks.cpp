// SPDX-License-Identifier: Apache-2.0
#include "kernel/hooks.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "bpf/wire.h"
#include "brink_bpf.skel.h"
#include "kernel/libbpf_messages.hpp"
#include "kernel/preemption.hpp"
#include "kernel/syscall_effects.hpp"

namespace brink::kernel {
namespace {

constexpr std::uint32_t kMinRingBytes = 1U << 19;
constexpr std::uint32_t kMaxRingBytes = 1U << 24;
constexpr std::uint32_t kRingBytesPerSubject = 1024;  // seven records
constexpr std::uint32_t kRecordsPerRead = 65536;

enum class When { both, kernel, tracepoint };

// How engine `kernel` hooks a place (src/bpf/descriptor.bpf.c).
enum class Flavour { plain, kprobe, noted };

constexpr unsigned kKprobe = 1;    // has a program for Flavour::kprobe
constexpr unsigned kNoted = 2;     // has a program for Flavour::noted
constexpr unsigned kCloses = 4;    // only if some watch wants the way down
constexpr unsigned kRefusals = 8;  // attached near the limit only

// Every program, and the names that its place has had, newest first.
struct Place {
    const char* program;
    When when;
    const char* kind;
    const char* purpose;
    unsigned traits;
    std::array<const char*, 2> targets;
    const char* kprobe_target = nullptr;  // where Flavour::kprobe has another place

    [[nodiscard]] constexpr bool is(unsigned trait) const { return traits & trait; }
};

constexpr const char* kRaw = "raw tracepoint";
constexpr Place kPlaces[] = {
    {"on_fork",
     When::both,
     kRaw,
     "children are born",
     kKprobe,
     {"sched_process_fork"},
     "wake_up_new_task"},
    {"on_exec",
     When::both,
     kRaw,
     "programs are executed",
     kKprobe,
     {"sched_process_exec"},
     "security_bprm_committed_creds"},
    {"on_exit", When::both, kRaw, "processes end", kKprobe, {"sched_process_exit"}, "exit_files"},
    {"on_fd_install",
     When::kernel,
     "fentry",
     "descriptors are installed",
     kKprobe | kNoted,
     {"fd_install"}},
    {"on_do_dup2", When::kernel, "fentry", "descriptors are installed by number", 0, {"do_dup2"}},
    {"on_filp_close",
     When::kernel,
     "fentry",
     "descriptors are closed",
     kKprobe | kNoted | kCloses,
     {"filp_flush", "filp_close"}},
    {"on_dup_fd", When::kernel, "fexit", "tables are copied", 0, {"dup_fd"}},
    {"on_put_files_struct",
     When::kernel,
     "fentry",
     "tables are replaced",
     kKprobe,
     {"put_files_struct"}},
    {"on_do_prlimit", When::kernel, "fexit", "limits are changed", 0, {"do_prlimit"}},
    {"on_alloc_fd", When::kernel, "fexit", "descriptors are refused", kRefusals, {"alloc_fd"}},
    {"on_sys_exit", When::tracepoint, kRaw, "system calls end", 0, {"sys_exit"}},
};

bool has_function(const btf* types, const char* name) {
    return btf__find_by_name_kind(types, name, BTF_KIND_FUNC) > 0;
}

// docs/adr/0001-counting.md. Where spinlocks sleep (PREEMPT_RT) a program that runs with preemption off
// may neither send a signal nor, before 6.12, write to a ring.
Flavour flavour_for(Preemption preemption, const btf* types) {
    if (preemption == Preemption::none) return Flavour::plain;
    const bool multi = has_function(types, "kprobe_multi_link_handler");
    return multi && preemption == Preemption::kernel ? Flavour::kprobe : Flavour::noted;
}

std::string program_name(const Place& place, Flavour flavour) {
    static constexpr const char* kSuffixes[] = {"", "_kprobe", "_noted"};
    return std::string(place.program) + kSuffixes[static_cast<int>(flavour)];
}

// The names by which `place` may be found, newest first; empty for a tracepoint.
std::vector<const char*> functions(const Place& place, Flavour flavour) {
    if (flavour == Flavour::kprobe && place.kprobe_target) return {place.kprobe_target};
    if (place.kind == kRaw) return {};
    std::vector<const char*> names;
    for (const char* name : place.targets)
        if (name) names.push_back(name);
    return names;
}

bool kernel_has_btf() { return ::access("/sys/kernel/btf/vmlinux", R_OK) == 0; }

}  // namespace

struct Hooks::Hook {
    const Place* place = nullptr;
    Flavour flavour = Flavour::plain;
    bpf_program* program = nullptr;
    bpf_link* link = nullptr;
    std::string target;
    std::string reason;
    bool wanted = false;
};

Hooks::Hooks() = default;

Hooks::~Hooks() {
    for (Hook& hook : hooks_) bpf_link__destroy(hook.link);
    ring_buffer__free(ring_);
    if (tallies_) ::munmap(tallies_, tallies_bytes_);
    brink_bpf__destroy(skeleton_);
}

Result<std::unique_ptr<Hooks>> Hooks::load(const HookOptions& options) {
    std::unique_ptr<Hooks> hooks(new Hooks);
    if (auto opened = hooks->open(options); !opened) return tl::unexpected(opened.error());
    return hooks;
}

std::vector<HookStatus> Hooks::load_each(const HookOptions& options) {
    std::vector<HookStatus> all;
    for (std::size_t i = 0; i < std::size(kPlaces); ++i) {
        Hooks alone;
        auto prepared = alone.prepare(options);
        if (alone.hooks_.size() != std::size(kPlaces) || !alone.in_engine(alone.hooks_[i]))
            continue;
        for (std::size_t k = 0; k < alone.hooks_.size(); ++k)
            if (k != i) bpf_program__set_autoload(alone.hooks_[k].program, false);
        Hook& hook = alone.hooks_[i];
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
    bpf_object_open_opts open_options{};
    open_options.sz = sizeof open_options;
    open_options.btf_custom_path = options.btf.empty() ? nullptr : options.btf.c_str();
    skeleton_ = brink_bpf__open_opts(&open_options);
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
    const std::uint32_t sets = std::bit_ceil(
        std::max(options.max_subjects, 64U));  // of four; a tally has two places
    auto& maps = skeleton_->maps;
    bpf_map__set_max_entries(maps.tallies, n_tallies_);
    bpf_map__set_max_entries(maps.free_tallies, n_tallies_);
    bpf_map__set_max_entries(maps.index_sets, sets);
    bpf_map__set_max_entries(maps.records,
                             std::clamp(sets * kRingBytesPerSubject, kMinRingBytes, kMaxRingBytes));
    skeleton_->rodata->index_mask = sets - 1;
    skeleton_->rodata->n_tallies = n_tallies_;
    skeleton_->rodata->closes_hooked = options.closes;
    const auto effects = syscall_effects();
    static_assert(sizeof skeleton_->rodata->syscall_effect == effects.size());
    std::memcpy(const_cast<std::uint8_t*>(skeleton_->rodata->syscall_effect), effects.data(),
                effects.size());
}

bool Hooks::in_engine(const Hook& hook) const {
    return hook.place->when == When::both ||
           (hook.place->when == When::kernel) == (engine_ == HookEngine::kernel);
}

// Decides which programs are loaded, and for those of engine `kernel` which of the names of their
// place this kernel has.
Result<void> Hooks::choose_programs(const HookOptions& options) {
    btf* types = engine_ == HookEngine::kernel ? btf__load_vmlinux_btf() : nullptr;
    if (engine_ == HookEngine::kernel && !types) return fail_errno("cannot read the kernel's BTF");
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton_->obj)
        bpf_program__set_autoload(program, program == skeleton_->progs.on_command);
    const Preemption preemption = kernel_preemption();
    const Flavour flavour = types ? flavour_for(preemption, types) : Flavour::plain;
    preemptible_ = preemption != Preemption::none;
    leaves_out_ = types ? flavour == Flavour::noted : preemptible_ && preempts_tracepoints();
    Result<void> answer;
    for (const Place& place : kPlaces) {
        Hook& hook = hooks_.emplace_back();
        hook.place = &place;
        if (place.is(flavour == Flavour::kprobe ? kKprobe : kNoted)) hook.flavour = flavour;
        hook.program = bpf_object__find_program_by_name(skeleton_->obj,
                                                        program_name(place, hook.flavour).c_str());
        hook.wanted = in_engine(hook) && (!place.is(kCloses) || options.closes);
        hook.target = place.targets[0];
        const auto names = functions(place, hook.flavour);
        if (hook.wanted && !names.empty()) {
            const auto found = std::find_if(names.begin(), names.end(), [&](const char* name) {
                return has_function(types, name);
            });
            hook.target = names.front();
            if (found != names.end()) {
                hook.target = *found;
                if (hook.flavour != Flavour::kprobe)
                    bpf_program__set_attach_target(hook.program, 0, *found);
            } else {
                hook.wanted = false;
                hook.reason = "this kernel has no function " + hook.target;
                if (!place.is(kRefusals)) answer = fail(hook.reason, ENOENT);
            }
        }
        bpf_program__set_autoload(hook.program, hook.wanted);
    }
    btf__free(types);
    return answer;
}

Result<void> Hooks::map_tallies() {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    tallies_bytes_ = (n_tallies_ * sizeof(brink_tally) + page - 1) / page * page;
    void* address = ::mmap(nullptr, tallies_bytes_, PROT_READ, MAP_SHARED,
                           bpf_map__fd(skeleton_->maps.tallies), 0);
    if (address == MAP_FAILED) return fail_errno("cannot map the tallies");
    tallies_ = address;
    return {};
}

Result<void> Hooks::attach_hook(Hook& hook) {
    if (hook.link || !hook.wanted) return {};
    LibbpfMessages messages;
    if (hook.flavour == Flavour::kprobe) {
        const char* name = hook.target.c_str();
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
    return fail("cannot attach to " + hook.target + ": " + hook.reason, error);
}

Result<void> Hooks::attach() {
    for (Hook& hook : hooks_) {
        if (hook.place->is(kRefusals)) continue;
        if (auto attached = attach_hook(hook); !attached) return attached;
    }
    return {};
}

Result<void> Hooks::attach_refusals() {
    for (Hook& hook : hooks_) {
        if (!hook.place->is(kRefusals)) continue;
        if (auto attached = attach_hook(hook); !attached) return attached;
    }
    return {};
}

bool Hooks::sees_refusals() const {
    return std::any_of(hooks_.begin(), hooks_.end(), [](const Hook& hook) {
        return hook.wanted && (hook.place->is(kRefusals) || hook.place->when == When::tracepoint);
    });
}

Result<void> Hooks::set_watch(std::uint32_t index, const brink_watch& watch) {
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.watches), &index, &watch, BPF_ANY))
        return fail_errno("cannot store the levels of a watch");
    return {};
}

brink_answer Hooks::command(const brink_command& command) {
    skeleton_->bss->command = command;
    skeleton_->bss->answer = {};
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    if (const int error = bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.on_command),
                                                 &options)) {
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
    status.name = hook.target;
    status.kind = hook.flavour == Flavour::kprobe ? "kprobe.multi" : hook.place->kind;
    status.purpose = hook.place->purpose;
    status.optional = hook.place->is(kRefusals);
    status.loaded = hook.wanted && bpf_program__fd(hook.program) >= 0;
    status.attached = hook.link != nullptr;
    status.reason = hook.reason;
    bpf_prog_info info{};
    std::uint32_t bytes = sizeof info;
    if (status.loaded && !bpf_obj_get_info_by_fd(bpf_program__fd(hook.program), &info, &bytes))
        status.runs = info.run_cnt;
    return status;
}

std::vector<HookStatus> Hooks::status() const {
    std::vector<HookStatus> all;
    for (const Hook& hook : hooks_)
        if (in_engine(hook)) all.push_back(describe(hook));
    return all;
}

}  // namespace brink::kernel
