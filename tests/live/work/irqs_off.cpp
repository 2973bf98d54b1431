// SPDX-License-Identifier: Apache-2.0
// irqs_off CPU PERIOD_US HELD_US: keeps interrupts off on processor CPU for about so long, again and again, as a bad driver
// would. A program of its own on sched_switch, which the scheduler calls with interrupts off, copies memory when this
// process goes to sleep; how much is found out at the start. HELD_US well below PERIOD_US, or nothing else gets on.
// Says "ready". Until its input ends.
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "clock.hpp"

namespace {

using brink::work::now_ns;

constexpr std::uint32_t kBytes = 1U << 17;

int bpf(int command, bpf_attr& attr) {
    return static_cast<int>(syscall(SYS_bpf, command, &attr, sizeof attr));
}

int make_map() {
    bpf_attr attr{};
    attr.map_type = BPF_MAP_TYPE_ARRAY;
    attr.key_size = 4;
    attr.value_size = kBytes;
    attr.max_entries = 1;
    return bpf(BPF_MAP_CREATE, attr);
}

bpf_insn insn(int code, int to, int from, int offset, int value) {
    bpf_insn made{};
    made.code = static_cast<std::uint8_t>(code);
    made.dst_reg = static_cast<std::uint8_t>(to) & 15;
    made.src_reg = static_cast<std::uint8_t>(from) & 15;
    made.off = static_cast<std::int16_t>(offset);
    made.imm = value;
    return made;
}

// if (bpf_get_current_pid_tgid() >> 32 == getpid()) for (copies) *second = *first;
std::vector<bpf_insn> program(int first, int second, int copies) {
    constexpr int kMov = BPF_ALU64 | BPF_MOV | BPF_X, kMovK = BPF_ALU64 | BPF_MOV | BPF_K;
    constexpr int kCall = BPF_JMP | BPF_CALL, kLoadMap = BPF_LD | BPF_DW | BPF_IMM;
    std::vector<bpf_insn> code;
    const auto add = [&code](bpf_insn next) { code.push_back(next); };
    const auto load_map = [&](int fd) {
        add(insn(kLoadMap, 1, BPF_PSEUDO_MAP_FD, 0, fd));
        add(insn(0, 0, 0, 0, 0));
    };
    const auto key = [&] {
        add(insn(kMov, 2, 10, 0, 0));
        add(insn(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4));
    };
    std::vector<std::size_t> leave;
    add(insn(kCall, 0, 0, 0, BPF_FUNC_get_current_pid_tgid));
    add(insn(BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, 32));
    leave.push_back(code.size());
    add(insn(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 0, getpid()));
    add(insn(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0));
    load_map(first);
    key();
    add(insn(kCall, 0, 0, 0, BPF_FUNC_map_lookup_elem));
    leave.push_back(code.size());
    add(insn(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0));
    add(insn(kMov, 6, 0, 0, 0));
    for (int i = 0; i < copies; ++i) {
        load_map(second);
        key();
        add(insn(kMov, 3, 6, 0, 0));
        add(insn(kMovK, 4, 0, 0, 0));
        add(insn(kCall, 0, 0, 0, BPF_FUNC_map_update_elem));
    }
    for (const std::size_t at : leave)
        code[at].off = static_cast<std::int16_t>(code.size() - at - 1);
    add(insn(kMovK, 0, 0, 0, 0));
    add(insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    return code;
}

int attach(const std::vector<bpf_insn>& code) {
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
    load.insns = reinterpret_cast<std::uintptr_t>(code.data());
    load.insn_cnt = static_cast<std::uint32_t>(code.size());
    load.license = reinterpret_cast<std::uintptr_t>("GPL");
    const int loaded = bpf(BPF_PROG_LOAD, load);
    if (loaded < 0) return -1;
    bpf_attr open{};
    open.raw_tracepoint.name = reinterpret_cast<std::uintptr_t>("sched_switch");
    open.raw_tracepoint.prog_fd = static_cast<std::uint32_t>(loaded);
    return bpf(BPF_RAW_TRACEPOINT_OPEN, open);
}

// The shortest of some short sleeps. Not of a nanosecond: since Linux 7.2 nobody goes to sleep for what is over already.
std::int64_t sleeping_ns() {
    std::int64_t shortest = INT64_MAX;
    for (int i = 0; i < 4; ++i) {
        const timespec least{0, 200'000};
        const std::int64_t before = now_ns();
        nanosleep(&least, nullptr);
        shortest = std::min(shortest, now_ns() - before);
    }
    return shortest;
}

// How many copies keep interrupts off for `ns`; -1: no program can be attached.
int copies_for(std::int64_t ns, int first, int second) {
    constexpr int kMost = 4000;
    const std::int64_t without = sleeping_ns();
    // A sleep goes on while it is copied: its length says something where the copies take longer.
    for (int copies = 8;; copies *= 2) {
        const int link = attach(program(first, second, copies));
        if (link < 0) return -1;
        const std::int64_t with = sleeping_ns();
        close(link);
        if (with > 4 * without || with > ns || copies > kMost / 2)
            return static_cast<int>(std::clamp<std::int64_t>(ns * copies / with, 1, kMost));
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 1;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(std::atoi(argv[1])), &set);
    sched_setaffinity(0, sizeof set, &set);
    const int first = make_map(), second = make_map();
    const int copies = first < 0 || second < 0
                           ? -1
                           : copies_for(std::atol(argv[3]) * 1000, first, second);
    if (copies < 0 || attach(program(first, second, copies)) < 0) {
        std::perror("irqs_off");
        return 1;
    }
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    std::puts("ready");
    std::fflush(stdout);
    char byte = 0;
    const std::int64_t period = std::atol(argv[2]) * 1000;
    std::int64_t pause = period;
    while (read(STDIN_FILENO, &byte, 1) != 0) {
        const timespec asleep{pause / 1'000'000'000, pause % 1'000'000'000};
        const std::int64_t before = now_ns();
        nanosleep(&asleep, nullptr);
        // On a busy machine copying takes longer: others have to get on all the same.
        pause = std::max(period, 4 * (now_ns() - before - pause));
    }
    return 0;
}
