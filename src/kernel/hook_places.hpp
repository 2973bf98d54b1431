// SPDX-License-Identifier: Apache-2.0
// The places in the kernel that the engines hook, and how each is hooked on the running kernel: which program
// (src/bpf/descriptor.bpf.c, process.bpf.c, selection.bpf.c, syscall.bpf.c), on which function. docs/adr/0001-counting.md says why.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "kernel/preemption.hpp"

struct btf;

namespace brink::kernel {

enum class HookEngine { kernel, tracepoint };

/// What engine `kernel` takes for the places that come in several forms.
enum class HookFlavour {
    plain,   ///< fentry and raw tracepoints: where kernel code is not preempted
    kprobe,  ///< kprobe.multi, which runs with preemption off: where it is
    noted    ///< fentry that notes when it was interrupted: PREEMPT_RT, or no kprobe.multi
};

struct HookPlace {
    enum class When { both, kernel, tracepoint };
    static constexpr std::string_view kIterator = "iterator";
    static constexpr unsigned kKprobe = 1;         ///< has a program for HookFlavour::kprobe
    static constexpr unsigned kNoted = 2;          ///< has a program for HookFlavour::noted
    static constexpr unsigned kCloses = 4;         ///< only if some watch wants the way down
    static constexpr unsigned kRefusals = 8;       ///< near the limit only
    static constexpr unsigned kDescriptors = 16;   ///< only if descriptors are watched
    static constexpr unsigned kMemory = 32;        ///< only if something of an mm_struct is
    static constexpr unsigned kPreempted = 64;     ///< only in HookFlavour::kprobe and noted
    static constexpr unsigned kOptional = 128;     ///< not needed to count
    static constexpr unsigned kResident = 256;     ///< only if resident memory is watched
    static constexpr unsigned kOwners = 512;       ///< only if watches have owners
    static constexpr unsigned kCgroups = 1024;     ///< only if some selection is by cgroup
    static constexpr unsigned kNames = 2048;       ///< only if one is by name
    static constexpr unsigned kUsers = 4096;       ///< only if one is by user
    static constexpr unsigned kPolicies = 8192;    ///< only if one is by scheduling policy
    static constexpr unsigned kProcesses = 16384;  ///< only if some process is
    static constexpr unsigned kSelecting =
        1U << 21;  ///< has a program more for where some watch is set by selection
    static constexpr unsigned kUnprovoked =
        32768;  ///< not by the self-test: it would need a cgroup

    // Only if a number of a subject that is no process is watched; a place with several of these: if one of them is.
    static constexpr unsigned kUserLimits = 1U << 16;  ///< of a user: what an rlimit holds
    static constexpr unsigned kSignals = 1U << 17;     ///< of a user: queued signals
    static constexpr unsigned kInotify = 1U << 18;     ///< of a user: inotify
    static constexpr unsigned kCgroupPids = 1U << 19;
    static constexpr unsigned kCgroupMemory = 1U << 20;
    static constexpr unsigned kSockets = 1U << 22;  ///< of a listening socket
    static constexpr unsigned kOfUsers = kUserLimits | kSignals | kInotify;
    static constexpr unsigned kOfCgroups = kCgroupPids | kCgroupMemory;
    static constexpr unsigned kShared = kOfUsers | kOfCgroups | kSockets;  ///< all of these

    const char* program;
    When when;
    const char* kind;
    const char* purpose;
    unsigned traits;
    std::array<const char*, 2> targets;  ///< the names it has, newest first
    const char* function = nullptr;      ///< where HookFlavour::kprobe, or noted, has another place

    [[nodiscard]] constexpr bool is(unsigned trait) const { return traits & trait; }
    [[nodiscard]] bool is_iterator() const { return kind == kIterator; }
    [[nodiscard]] constexpr bool in(HookEngine engine) const {
        return when == When::both || (when == When::kernel) == (engine == HookEngine::kernel);
    }
};

[[nodiscard]] std::span<const HookPlace> hook_places();

/// `types`: the BTF of the running kernel, of engine `kernel`.
[[nodiscard]] HookFlavour hook_flavour(Preemption preemption, const btf* types);

/// How one place is hooked.
struct HookChoice {
    std::string program;
    const char* kind = "";
    std::string target;     ///< tracepoint or function
    bool function = false;  ///< the target is a function
    bool kprobe = false;    ///< attached as kprobe.multi
    bool there = true;      ///< this kernel has the function
};

/// `types` may be null for a place that is a tracepoint in this flavour. `selecting`: some watch is set by selection.
[[nodiscard]] HookChoice choose_hook(const HookPlace& place, HookFlavour flavour, const btf* types,
                                     bool selecting);

}  // namespace brink::kernel
