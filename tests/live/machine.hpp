// SPDX-License-Identifier: Apache-2.0
// What the tests ask of the machine directly, past brink: /proc, the loaded BPF programs, the numbering of processes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace brink::live {

// Where things are: from BRINK, BRINK_ENGINE and BRINK_WORK, else where this build has them.
std::string brink_path();
std::string daemon_path();  // BRINKD
std::string engine();       // what --engine gets: `tracepoint` or `kernel`
std::string work(const std::string& name);
// A number from the environment, for slow guests and quick runs.
long scaled(const char* variable, long otherwise);
// How often something is repeated: as said on the host, a fifth of it in the guests, where each start
// of brink takes seconds.
long repeated(long times);

// A safety net only: nothing is asserted about how long anything takes.
std::chrono::seconds patience();
bool eventually(const std::function<bool()>& condition);

std::string read_file(const std::string& path);  // empty when it cannot be read
bool write_file(const std::string& path, const std::string& text);

// Installed descriptors of a process as the kernel lists them; no value when it is gone.
std::optional<unsigned> descriptor_count(pid_t pid);
bool alive(pid_t pid);  // and not a zombie
std::optional<std::uint64_t> start_time(pid_t pid);
// Voluntary and involuntary, of all its threads.
std::uint64_t context_switches(pid_t pid);
// Whether a whole second comes in which none of its threads has run.
bool comes_to_rest(pid_t pid);
std::vector<pid_t> children(pid_t pid);
std::set<pid_t> threads(pid_t pid);

// The ids of the BPF programs that a process holds, itself or through links.
std::set<std::uint32_t> bpf_programs_of(pid_t pid);
bool none_loaded(const std::set<std::uint32_t>& programs);

// A folder of its own, removed with everything in it.
class ScratchFolder {
  public:
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

// Sets a sysctl for the life of the object; `done` is false when it could not be set.
class SysctlForNow {
  public:
    SysctlForNow(const std::string& name, const std::string& value);
    ~SysctlForNow();
    SysctlForNow(const SysctlForNow&) = delete;
    SysctlForNow& operator=(const SysctlForNow&) = delete;
    bool done() const { return done_; }

  private:
    std::string path_;
    std::string before_;
    bool done_;
};

/// Whether the engine under test is `kernel` on PREEMPT_RT, which may preempt a hook half way.
[[nodiscard]] bool kernel_preempts_hooks();

}  // namespace brink::live
