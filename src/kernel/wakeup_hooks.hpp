// SPDX-License-Identifier: Apache-2.0
// WakeupHooks: owns the BPF programs that observe wake-ups (src/bpf/latency*.bpf.c), raw tracepoints all of them: loads
// and attaches them, enrols threads, and shows what they wrote down.
//
// enrol(), set_watch() and select() are for one thread at a time; the rest for any. Destroying it detaches everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bpf/latency.h"

struct brink_latency;
struct bpf_link;
struct bpf_program;
struct ring_buffer;

namespace brink::kernel {

struct WakeupOptions {
    brink_wakeups_mode mode = BRINK_WAKEUPS_MEASURE;
    std::uint32_t max_threads = 4096;  ///< observed at once
    std::string btf;                   ///< BTF of the running kernel; empty: the kernel's own
};

class WakeupHooks {
  public:
    /// Records of type CROSSING, EXIT, and WAKE: a cgroup has come, select() may have to be called anew.
    using RecordHandler = std::function<void(const brink_late_record&)>;

    /// Loads and attaches. The error says in one sentence why this kernel or these privileges do not allow it.
    [[nodiscard]] static Result<std::unique_ptr<WakeupHooks>> start(const WakeupOptions& options);
    ~WakeupHooks();
    WakeupHooks(const WakeupHooks&) = delete;
    WakeupHooks& operator=(const WakeupHooks&) = delete;

    /// Observes the thread behind `proc_fd`, a descriptor of /proc/TID, or the calling thread (-1). `watches`: bits.
    /// Errors: ESRCH, it is ending; ENOSPC, max_threads are observed.
    /// The answer is its slot; one that is observed already keeps its own.
    [[nodiscard]] Result<std::uint32_t> enrol(int proc_fd, std::uint32_t flags,
                                              std::uint32_t watches);

    /// How far below the root of the hierarchy of cgroup v2 the caller's cgroup is, whatever of it is visible here.
    [[nodiscard]] Result<std::uint32_t> own_cgroup_level();

    /// Writes watch `index` (< BRINK_LATE_WATCHES).
    [[nodiscard]] Result<void> set_watch(std::uint32_t index, const brink_late_watch& watch);

    /// Observes every thread that matches, from when it wakes, with `watches`. The next call takes the place of this one.
    /// REQUIRES: at most BRINK_MAX_CGROUPS `cgroups`, of BRINK_SELECTS_CGROUP.
    void select(brink_selects what, std::uint32_t watches,
                std::span<const brink_selected_cgroup> cgroups);

    /// A thread as the programs see it now; they write while it is read. slot < slots().
    [[nodiscard]] const brink_sleeper& sleeper(std::uint32_t slot) const;
    [[nodiscard]] std::uint32_t slots() const { return n_slots_; }

    /// What processor `cpu` did of late; it goes on writing. nullptr: there is no such processor.
    [[nodiscard]] const brink_cpu_log* log(std::uint32_t cpu) const;
    [[nodiscard]] std::uint32_t cpus() const { return n_cpus_; }

    /// Readable when records wait.
    [[nodiscard]] int fd() const;
    /// Hands over the records that wait.
    void read(const RecordHandler& handler);

    [[nodiscard]] std::uint64_t dropped() const;    ///< records that found the ring full
    [[nodiscard]] std::uint64_t unwatched() const;  ///< threads that found no free slot

    /// "call_function, irq_work": interrupts that this kernel does not show; empty if it shows all.
    [[nodiscard]] const std::string& unseen() const { return unseen_; }

  private:
    WakeupHooks() = default;
    [[nodiscard]] Result<void> load(const WakeupOptions& options, bool switch_says_state);
    void choose_programs(brink_wakeups_mode mode);
    [[nodiscard]] Result<void> fill_maps();
    [[nodiscard]] Result<void> attach();
    [[nodiscard]] Result<void> run_enrol(int proc_fd, std::uint32_t flags, std::uint32_t watches);

    brink_latency* skeleton_ = nullptr;
    ring_buffer* ring_ = nullptr;
    const RecordHandler* handler_ = nullptr;
    std::vector<bpf_link*> links_;
    const brink_sleeper* sleepers_ = nullptr;
    const std::byte* logs_ = nullptr;
    std::uint32_t n_slots_ = 0;
    std::uint32_t n_cpus_ = 0;
    std::uint64_t lowest_level_ = BRINK_NEVER;
    std::string unseen_;
};

}  // namespace brink::kernel
