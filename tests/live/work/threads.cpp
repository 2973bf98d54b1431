// SPDX-License-Identifier: Apache-2.0
// Threads, or processes cloned with CLONE_FILES, that share one descriptor table and open and close at random, each
// holding at most --each of them: the count is never above base + threads × each. A round begins with random
// operations, then everything is closed, then everything is opened, with a barrier after each step: so every level
// between is crossed at least once a round in each direction, and the count at the barriers is known.
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <csignal>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "descriptor_directory.hpp"
#include "gate.hpp"
#include "options.hpp"

namespace {

constexpr long kMostEach = 256;

struct Shared {
    pthread_barrier_t barrier;
    std::atomic<bool> told;      // by the outside
    std::atomic<bool> complete;  // every sibling has been started
    std::atomic<bool> stop;      // decided by worker 0 between two barriers, so that all agree
    std::atomic<long> rounds;
};
Shared* shared;
int source;  // what is duplicated

struct Plan {
    long workers = 2, each = 8, rounds = 10, operations = 2000, keep = 0, seed = 1, marker = 0,
         bound = 0;
};

// While all hold their most and wait: up to a count that is reached in no other way, and back. Who
// has been told of it has been told of everything before, so that the test can keep step.
void show_marker(const Plan& plan, long round) {
    int fds[kMostEach];
    const long extra = plan.marker - plan.bound;
    for (long i = 0; i < extra; ++i) brink::work::must((fds[i] = ::dup(source)) >= 0, "dup");
    for (long i = extra - 1; i >= 0; --i) ::close(fds[i]);
    brink::work::say("round " + std::to_string(round));
    brink::work::next_line();
}

void work(const Plan& plan, long index) {
    std::uint64_t random = static_cast<std::uint64_t>(plan.seed) * 1000003 +
                           static_cast<std::uint64_t>(index) + 1;
    int fds[kMostEach];
    long held = 0;
    for (long round = 0;; ++round) {
        ::pthread_barrier_wait(&shared->barrier);
        if (index == 0) shared->rounds = round;
        if (index == 0 && (shared->told || (plan.rounds > 0 && round >= plan.rounds)))
            shared->stop = true;
        ::pthread_barrier_wait(&shared->barrier);
        if (shared->stop) break;
        ::pthread_barrier_wait(&shared->barrier);
        for (long i = 0; i < plan.operations; ++i) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            const bool open = held == 0 || (held < plan.each && (random >> 40) % 2 == 0);
            if (open)
                brink::work::must((fds[held++] = ::dup(source)) >= 0, "dup");
            else
                ::close(fds[--held]);
        }
        while (held > 0) ::close(fds[--held]);
        ::pthread_barrier_wait(&shared->barrier);
        while (held < plan.each) brink::work::must((fds[held++] = ::dup(source)) >= 0, "dup");
        ::pthread_barrier_wait(&shared->barrier);
        if (index == 0 && plan.marker > 0) show_marker(plan, round);
        ::pthread_barrier_wait(&shared->barrier);
        while (held > 0) ::close(fds[--held]);
    }
    while (held < plan.keep) brink::work::must((fds[held++] = ::dup(source)) >= 0, "dup");
    ::pthread_barrier_wait(&shared->barrier);
}

// A thread with a table of its own, which goes higher than the shared one ever does.
void stranger(long extra) {
    if (::unshare(CLONE_FILES) != 0) std::abort();
    int fds[kMostEach];
    while (!shared->stop) {
        for (long i = 0; i < extra; ++i) fds[i] = ::dup(source);
        for (long i = 0; i < extra; ++i) ::close(fds[i]);
    }
}

pid_t clone_sharing_files() {
    return static_cast<pid_t>(::syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0L, 0L, 0L, 0L));
}

}  // namespace

int main(int argc, char** argv) {
    using namespace brink::work;
    Plan plan;
    long extra = 0;
    bool processes = false;
    bool gate = false;
    bool until_told = false;
    Options("threads", "Threads or CLONE_FILES siblings that open and close in one shared table.")
        .number("threads", "how many work on the table (2)", &plan.workers)
        .number("each", "the most that each holds (8)", &plan.each)
        .number("rounds", "how many rounds (10)", &plan.rounds)
        .number("operations", "random operations of each in a round (2000)", &plan.operations)
        .number("keep", "how many each keeps open at the end (0)", &plan.keep)
        .number("seed", "of the random operations (1)", &plan.seed)
        .number("stranger",
                "one more thread unshares its table and opens so many more there (0: none)", &extra)
        .number("marker",
                "at the end of each round go up to this count, say so and wait for a line (0: no)",
                &plan.marker)
        .flag("processes", "CLONE_FILES processes instead of threads", &processes)
        .flag("gate",
              "say `ready PID` and wait for a line before the first round and before exiting",
              &gate)
        .flag("until-told", "rounds without end, until a line comes in", &until_told)
        .parse(argc, argv);
    if (plan.each > kMostEach || extra > kMostEach || plan.workers < 1 || plan.keep > plan.each)
        return 2;
    if (until_told) plan.rounds = 0;
    const DescriptorDirectory directory = DescriptorDirectory::open_own();
    source = directory.fd();
    const long base = directory.count();
    plan.bound = base + plan.workers * plan.each;
    if (plan.marker > 0 && plan.marker - plan.bound > kMostEach) return 2;
    void* mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(mapped != MAP_FAILED, "mmap");
    shared = static_cast<Shared*>(mapped);
    pthread_barrierattr_t attributes;
    ::pthread_barrierattr_init(&attributes);
    ::pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_barrier_init(&shared->barrier, &attributes, static_cast<unsigned>(plan.workers));
    say("threads: base " + std::to_string(base) + " bound " +
        std::to_string(base + plan.workers * plan.each) + " final " +
        std::to_string(base + plan.workers * plan.keep));
    ready_and_wait(gate);

    std::vector<std::thread> threads;
    std::vector<pid_t> children;
    std::string pids;
    for (long i = 0; i < plan.workers; ++i) {
        if (!processes) {
            threads.emplace_back(work, plan, i);
            continue;
        }
        const pid_t pid = clone_sharing_files();
        must(pid >= 0, "clone");
        if (pid == 0) {
            while (!shared->complete) ::usleep(1000);  // clone is over, also for the parent
            work(plan, i);
            for (;;) ::pause();  // the table stays shared until all have been looked at
        }
        children.push_back(pid);
        pids += " " + std::to_string(pid);
    }
    shared->complete = true;
    if (extra > 0) threads.emplace_back(stranger, extra);
    if (processes) say("threads: siblings" + pids);
    if (until_told) {
        say("ready " + std::to_string(::getpid()));
        next_line();
        shared->told = true;
    }
    for (std::thread& thread : threads) thread.join();
    // Siblings cannot be joined: wait until the table stands at its final count.
    const unsigned final_count = static_cast<unsigned>(base + plan.workers * plan.keep);
    while (processes && (!shared->stop || directory.count() != final_count)) ::usleep(1000);
    say("threads: " + std::to_string(shared->rounds.load()) + " rounds, count now " +
        std::to_string(directory.count()));
    ready_and_wait(gate);
    for (const pid_t pid : children) ::kill(pid, SIGKILL);
    for (const pid_t pid : children) ::waitpid(pid, nullptr, 0);
    return directory.count() == final_count ? 0 : 1;
}
