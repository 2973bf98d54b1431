// SPDX-License-Identifier: Apache-2.0
// Many processes at once, each opening a few descriptors beyond a level when told, and closing them again. With
// --collide their process ids are chosen (through ns_last_pid, and a pid_max that allows it) so that a hundred at a
// time are equal modulo 32768: an index by the low bits of the pid would mix them up.
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <csignal>

#include <atomic>
#include <climits>
#include <cstdio>
#include <vector>

#include "descriptor_directory.hpp"
#include "gate.hpp"
#include "options.hpp"

namespace {

constexpr long kMostDescriptors = 64;

// A stage is released to the children one after another: word 1 counts those that may open, word 2
// those that may close, word 3 those that may go.
constexpr int kStages = 4;
struct Stages {
    std::atomic<std::uint32_t> released[kStages];
    std::atomic<std::uint32_t> done[kStages];
};
Stages* stages;

long batch_size = 1;

long futex(std::atomic<std::uint32_t>* word, int operation, std::uint32_t value,
           std::uint32_t bits) {
    return ::syscall(SYS_futex, word, operation, value, nullptr, nullptr, bits);
}
// Wakes those of one batch, and not two thousand each time.
std::uint32_t bit_of(long index) { return 1U << (index / batch_size % 32); }

void wait_for(int stage, long index) {
    for (;;) {
        const std::uint32_t released = stages->released[stage].load();
        if (static_cast<long>(released) > index) return;
        futex(&stages->released[stage], FUTEX_WAIT_BITSET, released, bit_of(index));
    }
}

[[noreturn]] void child(long index, long opens, bool close_again, bool outlives) {
    int fds[kMostDescriptors];
    ::alarm(1200);  // never left behind for good
    if (!outlives) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    wait_for(1, index);
    for (long i = 0; i < opens; ++i)
        if ((fds[i] = ::dup(STDIN_FILENO)) < 0) ::_exit(2);
    stages->done[1].fetch_add(1);
    wait_for(2, index);
    for (long i = opens - 1; close_again && i >= 0; --i) ::close(fds[i]);
    stages->done[2].fetch_add(1);
    wait_for(3, index);
    ::_exit(0);  // with whatever is open
}

// Releases a stage to all, a batch at a time, and between two of them keeps step with the test.
void run_stage(int number, const std::vector<pid_t>& pids, bool gate) {
    const long all = static_cast<long>(pids.size());
    for (long released = 0; released < all;) {
        const long before = released;
        released = released + batch_size < all ? released + batch_size : all;
        stages->released[number] = static_cast<std::uint32_t>(released);
        futex(&stages->released[number], FUTEX_WAKE_BITSET, INT_MAX, bit_of(before));
        while (number < 3 && stages->done[number].load() < static_cast<std::uint32_t>(released))
            ::usleep(1000);
        for (long i = before; number == 3 && i < released; ++i)
            ::waitpid(pids[static_cast<std::size_t>(i)], nullptr, 0);
        if (gate) {
            brink::work::say("forker: stage " + std::to_string(number) + " done by " +
                             std::to_string(released));
            brink::work::next_line();
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    using namespace brink::work;
    long children = 2000;
    long opens = 6;
    long batch = 0;
    bool collide = false;
    bool gate = false;
    bool keep_open = false;
    bool leave = false;
    Options("forker", "Many processes alive at once; each opens a few descriptors, closes them, "
                      "and exits, when told.")
        .positional("N", "how many processes (2000)", &children, false)
        .number("opens", "how many descriptors each opens (6)", &opens)
        .flag("collide", "choose process ids that are equal modulo 32768, a hundred at a time",
              &collide)
        .flag("keep-open", "exit with them open", &keep_open)
        .flag("leave", "exit as soon as they have opened them, and leave them alive", &leave)
        .number("batch", "how many take a step at a time (all)", &batch)
        .flag("gate", "say `ready PID`, and what is done after each batch, and wait for a line",
              &gate)
        .parse(argc, argv);
    if (opens > kMostDescriptors) return 2;
    void* mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(mapped != MAP_FAILED, "mmap");
    stages = static_cast<Stages*>(mapped);
    batch_size = batch > 0 ? batch : children;
    const int last_pid = collide ? ::open("/proc/sys/kernel/ns_last_pid", O_WRONLY)
                                 : ::open("/dev/null", O_WRONLY);
    must(last_pid >= 0, "ns_last_pid");
    say("forker: base " + std::to_string(DescriptorDirectory::open_own().count()));
    ready_and_wait(gate);

    constexpr long kModulus = 32768;
    constexpr long kSame = 100;
    long collisions = 0;
    std::vector<pid_t> pids;
    pids.reserve(static_cast<std::size_t>(children));
    for (long i = 0; i < children; ++i) {
        const long wanted = 20000 + i / kSame + (i % kSame) * kModulus;
        const std::string text = std::to_string(wanted - 1);
        if (collide) must(::pwrite(last_pid, text.data(), text.size(), 0) > 0, "ns_last_pid");
        const pid_t pid = ::fork();
        must(pid >= 0, "fork");
        if (pid == 0) child(i, opens, !keep_open, leave);
        if (pid == wanted) ++collisions;
        pids.push_back(pid);
    }
    say("forker: " + std::to_string(pids.size()) + " alive, " + std::to_string(collisions) +
        " with chosen ids");
    ready_and_wait(gate);
    run_stage(1, pids, gate);
    if (leave) {
        std::string left;
        for (const pid_t pid : pids) left += " " + std::to_string(pid);
        say("forker: left" + left);
        return 0;
    }
    run_stage(2, pids, gate);
    run_stage(3, pids, gate);
    return 0;
}
