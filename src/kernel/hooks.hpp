// SPDX-License-Identifier: Apache-2.0
// Hooks: owns the BPF programs and maps of one engine: loads them with what this kernel has,
// attaches them, sends them commands, and reads their records. The programs are in src/bpf.
//
// One thread. Destroying it detaches everything; so does the end of the process, however it ends,
// because nothing is pinned.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bpf/wire.h"
#include "kernel/hook_places.hpp"

struct brink_bpf;
struct bpf_program;
struct bpf_link;
struct ring_buffer;

namespace brink::kernel {

struct HookOptions {
    HookEngine engine = HookEngine::kernel;
    std::string btf;                       ///< BTF of the running kernel; empty: the kernel's own
    std::uint32_t max_subjects = 4096;     ///< watches on processes at once, children included
    std::uint32_t max_watches = 64;        ///< at most BRINK_MAX_WATCHES
    std::uint32_t max_owners = 0;          ///< numbered from 1; accounts as well
    bool descriptors = true;               ///< some watch counts them
    bool closes = true;                    ///< and wants to hear of the way down
    bool memory = true;                    ///< some watch reads a number of an mm_struct
    bool resident = true;                  ///< some watch reads its resident pages
    bool owners = true;                    ///< some watch has an owner
    bool selections = true;                ///< some watch is set by selection
    bool cgroups = true;                   ///< some selection is by cgroup: who moves is to be seen
    bool names = true;                     ///< by name: who is renamed
    bool users = true;                     ///< by user: who becomes another one
    bool policies = true;                  ///< by scheduling policy
    bool processes = true;                 ///< some watch is on processes
    unsigned shared = HookPlace::kShared;  ///< which numbers of other subjects are watched
};

/// One program and the place it is attached to.
struct HookStatus {
    std::string name;       ///< of the place: "fd_install"
    std::string kind;       ///< "fentry", "fexit", "kprobe.multi", "raw tracepoint"
    std::string purpose;    ///< what it sees: "descriptors installed"
    bool optional = false;  ///< counting works without it
    bool provoked = true;   ///< by the self-test
    unsigned shared = 0;    ///< HookPlace::kShared: what it is for, if not for processes
    bool loaded = false;
    bool attached = false;
    std::uint64_t runs = 0;  ///< while statistics were enabled
    std::string reason;      ///< why not loaded or not attached
};

class Hooks {
  public:
    using RecordHandler = std::function<void(const void* record, std::size_t bytes)>;

    /// Loads, attaches nothing. The error says in one sentence why this kernel or these privileges
    /// do not allow the engine.
    [[nodiscard]] static Result<std::unique_ptr<Hooks>> load(const HookOptions& options);

    /// After load() has failed: which of the programs load by themselves, and why the others do not.
    [[nodiscard]] static std::vector<HookStatus> load_each(const HookOptions& options);

    ~Hooks();
    Hooks(const Hooks&) = delete;
    Hooks& operator=(const Hooks&) = delete;

    /// Attaches what counting needs. Does nothing the second time.
    [[nodiscard]] Result<void> attach();

    /// Attaches what sees refusals (EMFILE): a hook on every open, wanted only near the limit.
    /// Does nothing the second time, or where it comes with counting anyway.
    [[nodiscard]] Result<void> attach_refusals();

    /// Whether refusals can be seen at all on this kernel; if not, why not is in status().
    [[nodiscard]] bool sees_refusals() const;

    /// Writes the levels of watch `index` (< HookOptions::max_watches).
    [[nodiscard]] Result<void> set_watch(std::uint32_t index, const brink_watch& watch);

    /// Writes account `index` (1..HookOptions::max_owners): its bounds, nothing taken yet.
    [[nodiscard]] Result<void> set_account(std::uint32_t index, const brink_account& account);
    /// One record of account `index` has been read.
    void take_from_account(std::uint32_t index);
    [[nodiscard]] std::uint64_t dropped_of(
        std::uint32_t account) const;  ///< its share of dropped()
    /// Watch `index` as it was written.
    [[nodiscard]] brink_watch watch(std::uint32_t index) const;

    /// Writes selector `index` (< BRINK_MAX_SELECTORS), or name `index` (< BRINK_MAX_SELECTOR_NAMES) of all of them.
    [[nodiscard]] Result<void> set_selector(std::uint32_t index, const brink_selector& selector);
    [[nodiscard]] Result<void> set_selector_name(std::uint32_t index,
                                                 const brink_selector_name& name);
    /// Bit `bit` (< BRINK_MAX_SELECTED) of a selector's watches stands for `watch`.
    void set_selected(std::uint32_t bit, std::uint32_t watch);
    /// The first `count` selectors are in force from now on. `systemd_hierarchy`: the number of `name=systemd` of
    /// cgroup v1; 0: there is none.
    void use_selectors(std::uint32_t count, int systemd_hierarchy);

    /// vm.max_map_count, the limit of BRINK_KIND_MAPPINGS. Tallies that are there already follow with their next
    /// BRINK_COMMAND_CHECK.
    void set_max_mappings(std::uint64_t limit);

    /// Runs one command in the kernel, in this thread's context.
    [[nodiscard]] brink_answer command(const brink_command& command);

    /// Links watch `index`, of BRINK_KIND_SOCKET_QUEUE, to every socket that listens in the network namespace of the
    /// reader. One answer each: `error` 0, the first count is pending; -EEXIST, it was linked already; -ENOSPC.
    /// `base` is the inode. REQUIRES: attach(). Errors: what read(2) of an iterator says.
    [[nodiscard]] Result<std::vector<brink_answer>> link_listening(std::uint32_t index);

    /// Readable when records wait.
    [[nodiscard]] int fd() const;

    /// Hands over the records that wait, at most 65536 of them (fd() stays readable then). They are
    /// in order on each CPU, nearly so between CPUs.
    void read(const RecordHandler& handler);

    /// A tally as the hooks see it now; id < tallies().
    [[nodiscard]] const brink_tally& tally(std::uint32_t id) const;
    [[nodiscard]] std::uint32_t tallies() const { return n_tallies_; }

    [[nodiscard]] std::uint64_t dropped() const;  ///< records that found the ring full
    /// Processes that found no free tally, tables without a place in the index.
    [[nodiscard]] std::uint64_t unwatched() const;
    /// Tallies that a hook has linked and left for BRINK_COMMAND_COUNT and BRINK_COMMAND_COMMIT, so far.
    [[nodiscard]] std::uint64_t pending() const;
    /// Runs that the kernel left out because the same program was at work on that CPU (a thread was
    /// preempted in it), and operations that gave up after too many collisions: counts may be off.
    [[nodiscard]] std::uint64_t missed() const;
    /// Whether that can happen on this kernel in the hooks that count: PREEMPT_RT, preemption without
    /// kprobe.multi, and for engine `tracepoint` any preemption from 7.0 on.
    [[nodiscard]] bool leaves_out() const { return leaves_out_; }
    /// Whether a thread can lose its CPU between a change of its table and the hook that counts it.
    [[nodiscard]] bool preemptible() const { return preemptible_; }

    /// Whether the lowest limit of a user may have risen since this was asked last: BRINK_COMMAND_LIMITS is due.
    [[nodiscard]] bool take_stale_limits();

    /// Lets the hooks wake the reader anew (BRINK_RECORD_WAKE). Call before looking at missed().
    void heard_wake();

    /// Bytes of kernel memory in maps.
    [[nodiscard]] std::uint64_t map_bytes() const;

    [[nodiscard]] std::vector<HookStatus> status() const;

  private:
    struct Hook;
    Hooks();
    [[nodiscard]] Result<void> open(const HookOptions& options);
    [[nodiscard]] Result<void> prepare(const HookOptions& options);
    void size_maps(const HookOptions& options);
    [[nodiscard]] Result<void> choose_programs(const HookOptions& options);
    [[nodiscard]] Result<void> map_tallies();
    [[nodiscard]] Result<void> map_accounts();
    [[nodiscard]] Result<void> attach_hook(Hook& hook);
    [[nodiscard]] const bpf_program* program_for(const brink_command& command) const;
    [[nodiscard]] static HookStatus describe(const Hook& hook);
    [[nodiscard]] std::vector<bpf_link*> iterators() const;

    HookEngine engine_ = HookEngine::kernel;
    brink_bpf* skeleton_ = nullptr;
    ring_buffer* ring_ = nullptr;
    const RecordHandler* handler_ = nullptr;
    std::uint32_t room_ = 0;  // records that this read() may still hand over
    std::vector<Hook> hooks_;
    brink_account* accounts_ = nullptr;  // mapped
    std::uint32_t n_accounts_ = 0;
    void* tallies_ = nullptr;
    std::size_t tallies_bytes_ = 0;
    std::uint32_t n_tallies_ = 0;
    bool leaves_out_ = false;
    bool preemptible_ = false;
};

}  // namespace brink::kernel
