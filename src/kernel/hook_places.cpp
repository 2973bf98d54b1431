// SPDX-License-Identifier: Apache-2.0
#include "kernel/hook_places.hpp"

#include <bpf/btf.h>

#include <vector>

namespace brink::kernel {
namespace {

using When = HookPlace::When;
constexpr unsigned kKprobe = HookPlace::kKprobe;
constexpr unsigned kNoted = HookPlace::kNoted;
constexpr unsigned kCloses = HookPlace::kCloses;
constexpr unsigned kRefusals = HookPlace::kRefusals;
constexpr unsigned kOptional = HookPlace::kOptional;
constexpr unsigned kDescriptors = HookPlace::kDescriptors;
constexpr unsigned kMemory = HookPlace::kMemory;
constexpr unsigned kProcesses = HookPlace::kProcesses;
constexpr unsigned kSelecting = HookPlace::kSelecting;
constexpr unsigned kUserLimits = HookPlace::kUserLimits;
constexpr unsigned kSignals = HookPlace::kSignals;
constexpr unsigned kInotify = HookPlace::kInotify;
constexpr unsigned kCgroupPids = HookPlace::kCgroupPids;
constexpr unsigned kCgroupMemory = HookPlace::kCgroupMemory;
constexpr unsigned kSockets = HookPlace::kSockets;

constexpr unsigned kUnprovoked = HookPlace::kUnprovoked;

constexpr const char* kRaw = "raw tracepoint";
constexpr const char* kIterator = HookPlace::kIterator.data();

// A system call has a name of its own on each architecture.
constexpr HookPlace memory_call(const char* program, const char* x64, const char* arm64) {
    return {program, When::kernel, "fexit", "memory is refused", kMemory | kOptional, {x64, arm64}};
}

constexpr HookPlace after(const char* program, const char* purpose, unsigned traits,
                          const char* function) {
    return {program, When::kernel, "fexit", purpose, traits, {function}};
}

constexpr HookPlace of_sockets(const char* program, const char* purpose, const char* function,
                               const char* kind = "fexit", unsigned further = 0) {
    return {program, When::kernel, kind, purpose, kSockets | further, {function}};
}

constexpr HookPlace kPlaces[] = {
    {"on_fork",
     When::both,
     kRaw,
     "children are born",
     kKprobe | kProcesses | kSelecting,
     {"sched_process_fork"},
     "wake_up_new_task"},
    {"on_exec",
     When::both,
     kRaw,
     "programs are executed",
     kKprobe | kProcesses | kSelecting,
     {"sched_process_exec"},
     "security_bprm_committed_creds"},
    {"on_exit",
     When::both,
     kRaw,
     "processes end",
     kKprobe | kProcesses | kSelecting,
     {"sched_process_exit"},
     "exit_files"},
    {"on_fd_install",
     When::kernel,
     "fentry",
     "descriptors are installed",
     kKprobe | kNoted | kDescriptors,
     {"fd_install"}},
    {"on_do_dup2",
     When::kernel,
     "fentry",
     "descriptors are installed by number",
     kDescriptors,
     {"do_dup2"}},
    {"on_filp_close",
     When::kernel,
     "fentry",
     "descriptors are closed",
     kKprobe | kNoted | kCloses | kDescriptors,
     {"filp_flush", "filp_close"}},
    {"on_dup_fd", When::kernel, "fexit", "tables are copied", kDescriptors, {"dup_fd"}},
    {"on_put_files_struct",
     When::kernel,
     "fentry",
     "tables are replaced",
     kKprobe | kDescriptors,
     {"put_files_struct"}},
    {"on_do_prlimit", When::kernel, "fexit", "limits are changed", kProcesses, {"do_prlimit"}},
    {"on_commit_creds",
     When::kernel,
     "fentry",
     "ids change",
     kKprobe | HookPlace::kOwners,
     {"commit_creds"}},
    {"on_alloc_fd",
     When::kernel,
     "fexit",
     "descriptors are refused",
     kRefusals | kOptional | kDescriptors,
     {"alloc_fd"}},
    {"on_mmap_lock_traced",
     When::kernel,
     kRaw,
     "what follows is called",
     kMemory | HookPlace::kPreempted,
     {"mmap_lock_released"}},
    {"on_mmap_lock_released",
     When::both,
     kRaw,
     "address spaces change",
     kKprobe | kNoted | kMemory,
     {"mmap_lock_released"},
     "__mmap_lock_do_trace_released"},
    {"on_rss_stat", When::both, kRaw, "pages become resident", HookPlace::kResident, {"rss_stat"}},
    memory_call("on_mmap", "__x64_sys_mmap", "__arm64_sys_mmap"),
    memory_call("on_mremap", "__x64_sys_mremap", "__arm64_sys_mremap"),
    memory_call("on_brk", "__x64_sys_brk", "__arm64_sys_brk"),
    memory_call("on_mprotect", "__x64_sys_mprotect", "__arm64_sys_mprotect"),
    memory_call("on_munmap", "__x64_sys_munmap", "__arm64_sys_munmap"),
    memory_call("on_mlock", "__x64_sys_mlock", "__arm64_sys_mlock"),
    memory_call("on_mlock2", "__x64_sys_mlock2", "__arm64_sys_mlock2"),
    memory_call("on_mlockall", "__x64_sys_mlockall", "__arm64_sys_mlockall"),
    {"on_cgroup_attach",
     When::both,
     kRaw,
     "processes change their cgroup",
     HookPlace::kCgroups | kOptional,
     {"cgroup_attach_task"}},
    {"on_rename",
     When::both,
     kRaw,
     "processes change their name",
     HookPlace::kNames | kOptional,
     {"task_rename"}},
    {"on_user",
     When::kernel,
     "fexit",
     "processes change their user",
     HookPlace::kUsers | kOptional,
     {"commit_creds"}},
    {"on_policy",
     When::kernel,
     "fentry",
     "threads become real-time",
     HookPlace::kPolicies | kOptional,
     {"rt_mutex_adjust_pi"}},
    {"on_sys_exit",
     When::tracepoint,
     kRaw,
     "system calls end",
     kProcesses | kSelecting,
     {"sys_exit"}},
    after("on_alloc_ucounts", "users appear", HookPlace::kOfUsers, "alloc_ucounts"),
    after("on_put_ucounts", "users go", HookPlace::kOfUsers, "put_ucounts"),
    after("on_inc_rlimit_ucounts", "counts of users rise", kUserLimits | kSignals,
          "inc_rlimit_ucounts"),
    after("on_dec_rlimit_ucounts", "counts of users fall", kUserLimits, "dec_rlimit_ucounts"),
    after("on_do_prlimit_user", "limits of users change", kUserLimits | kSignals, "do_prlimit"),
    after("on_inc_rlimit_get_ucounts", "signals are queued", kSignals, "inc_rlimit_get_ucounts"),
    after("on_dec_rlimit_put_ucounts", "signals are taken", kSignals, "dec_rlimit_put_ucounts"),
    {"on_signal_generate",
     When::kernel,
     kRaw,
     "signals are refused",
     kSignals | kOptional,
     {"signal_generate"}},
    after("on_proc_sys_write", "numbers of sysctl change", kInotify, "proc_sys_write"),
    after("on_inc_ucount", "inotify counts rise", kInotify, "inc_ucount"),
    after("on_dec_ucount", "inotify counts fall", kInotify, "dec_ucount"),
    after("on_online_css", "cgroups appear", HookPlace::kOfCgroups | kUnprovoked, "online_css"),
    {"on_cgroup_rmdir",
     When::kernel,
     kRaw,
     "cgroups go",
     HookPlace::kOfCgroups | kUnprovoked,
     {"cgroup_rmdir"}},
    after("on_cgroup_file_write", "limits of cgroups change", HookPlace::kOfCgroups | kUnprovoked,
          "cgroup_file_write"),
    after("on_pids_can_fork", "processes of cgroups are more", kCgroupPids, "pids_can_fork"),
    after("on_pids_cancel_fork", "they are not after all", kCgroupPids | kUnprovoked,
          "pids_cancel_fork"),
    after("on_pids_release", "processes of cgroups are fewer", kCgroupPids, "pids_release"),
    after("on_pids_can_attach", "processes change their cgroup", kCgroupPids | kUnprovoked,
          "pids_can_attach"),
    after("on_pids_cancel_attach", "they do not after all", kCgroupPids | kUnprovoked,
          "pids_cancel_attach"),
    after("on_page_counter_try_charge", "memory of cgroups is more", kCgroupMemory | kUnprovoked,
          "page_counter_try_charge"),
    after("on_page_counter_charge", "memory of cgroups is more", kCgroupMemory | kUnprovoked,
          "page_counter_charge"),
    after("on_page_counter_uncharge", "memory of cgroups is less", kCgroupMemory | kUnprovoked,
          "page_counter_uncharge"),
    of_sockets("on_tcp_socket", "TCP sockets listen already", "bpf_iter_tcp", kIterator),
    of_sockets("on_unix_socket", "Unix sockets listen already", "bpf_iter_unix", kIterator),
    of_sockets("on_inet_listen", "TCP sockets listen", "inet_listen"),
    of_sockets("on_inet_csk_listen_stop", "they do no more", "inet_csk_listen_stop"),
    of_sockets("on_inet_csk_complete_hashdance", "connections wait", "inet_csk_complete_hashdance"),
    of_sockets("on_inet_csk_reqsk_queue_add", "so do those by SYN cookies and Fast Open",
               "inet_csk_reqsk_queue_add", "fexit", kOptional),
    of_sockets("on_inet_csk_accept", "connections are accepted", "inet_csk_accept"),
    of_sockets("on_tcp_conn_request", "SYNs are dropped", "tcp_conn_request", "fentry", kOptional),
    of_sockets("on_tcp_v4_syn_recv_sock", "connections are dropped", "tcp_v4_syn_recv_sock",
               "fentry", kOptional),
    of_sockets("on_tcp_v6_syn_recv_sock", "those of IPv6 are dropped", "tcp_v6_syn_recv_sock",
               "fentry", kOptional),
    of_sockets("on_unix_listen", "Unix sockets listen", "unix_listen"),
    of_sockets("on_unix_release", "Unix sockets are closed", "unix_release", "fentry"),
    of_sockets("on_unix_find_other", "Unix sockets are found", "unix_find_other"),
    of_sockets("on_unix_stream_connect", "connections wait or are refused", "unix_stream_connect"),
    of_sockets("on_unix_accept", "connections are accepted", "unix_accept"),
};

bool has_function(const btf* types, const char* name) {
    return btf__find_by_name_kind(types, name, BTF_KIND_FUNC) > 0;
}

// The names of functions that are looked for, newest first; none for a tracepoint.
std::vector<const char*> functions(const HookPlace& place, bool elsewhere) {
    if (elsewhere && place.function) return {place.function};
    if (place.kind == kRaw) return {};
    std::vector<const char*> names;
    for (const char* name : place.targets)
        if (name) names.push_back(name);
    return names;
}

}  // namespace

std::span<const HookPlace> hook_places() { return kPlaces; }

// Where spinlocks sleep (PREEMPT_RT) a program that runs with preemption off may neither send a signal nor,
// before 6.12, write to a ring.
HookFlavour hook_flavour(Preemption preemption, const btf* types) {
    if (preemption == Preemption::none) return HookFlavour::plain;
    const bool multi = has_function(types, "kprobe_multi_link_handler");
    return multi && preemption == Preemption::kernel ? HookFlavour::kprobe : HookFlavour::noted;
}

HookChoice choose_hook(const HookPlace& place, HookFlavour flavour, const btf* types,
                       bool selecting) {
    HookChoice choice;
    choice.program = place.program;
    if (selecting && place.is(kSelecting)) choice.program += "_selecting";
    choice.kind = place.kind;
    choice.target = place.targets[0];
    bool elsewhere = false;
    // Without CONFIG_SECURITY there is no security_bprm_committed_creds.
    if (flavour == HookFlavour::kprobe && place.is(kKprobe) &&
        (!place.function || has_function(types, place.function))) {
        choice.program += "_kprobe";
        choice.kind = "kprobe.multi";
        choice.kprobe = elsewhere = true;
    }
    if (flavour == HookFlavour::noted && place.is(kNoted)) {
        choice.program += "_noted";
        choice.kind = "fentry";
        elsewhere = true;
    }
    const std::vector<const char*> names = functions(place, elsewhere);
    choice.function = !names.empty() && !place.is_iterator();  // libbpf finds an iterator itself
    if (names.empty()) return choice;
    choice.there = false;
    choice.target = names.front();
    for (const char* name : names) {
        if (choice.there || !has_function(types, name)) continue;
        choice.there = true;
        choice.target = name;
    }
    return choice;
}

}  // namespace brink::kernel
