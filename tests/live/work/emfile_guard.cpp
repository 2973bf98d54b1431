// SPDX-License-Identifier: Apache-2.0
// Would hit EMFILE ten opens after a level. The signal that brink sends at the level must arrive before the next
// instruction of the program: each child counts, in shared memory, the opens begun and the opens returned from, and
// the opens returned from must stop just below the level.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <cstdio>

#include "descriptor_directory.hpp"
#include "gate.hpp"
#include "options.hpp"

namespace {

struct Progress {
    std::atomic<long> begun;
    std::atomic<long> returned;
    std::atomic<long> returned_in_handler;  // what the handler saw; -1 until it ran
};
Progress* progress;

constexpr int kHandlerStatus = 42;

[[noreturn]] void child(long opens, bool with_handler) {
    ::signal(SIGTERM, SIG_DFL);
    if (with_handler) {
        struct sigaction action {};
        action.sa_handler = [](int) {
            progress->returned_in_handler = progress->returned.load();
            ::_exit(kHandlerStatus);
        };
        ::sigaction(SIGTERM, &action, nullptr);
    }
    for (long i = 0; i < opens; ++i) {
        progress->begun.store(i + 1);
        if (::dup(STDIN_FILENO) < 0) ::_exit(2);  // the EMFILE that must never be seen
        progress->returned.store(i + 1);
    }
    ::_exit(1);
}

}  // namespace

int main(int argc, char** argv) {
    using namespace brink::work;
    long times = 1000;
    long level = 0;
    bool gate = false;
    Options("emfile_guard",
            "Children that a SIGTERM from brink must stop at the open that crosses a level.")
        .positional("N", "how many children, one after the other; every second one has a handler",
                    &times)
        .number(
            "level",
            "the level at which brink sends SIGTERM (required); the soft limit becomes this + 10",
            &level)
        .flag("gate", "say `ready PID` and wait for a line before the first child", &gate)
        .parse(argc, argv);
    const DescriptorDirectory directory = DescriptorDirectory::open_own();
    const long base = directory.count();
    if (level <= base) {
        std::fprintf(stderr, "emfile_guard: --level must be above %ld\n", base);
        return 2;
    }
    void* shared = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared != MAP_FAILED, "mmap");
    progress = static_cast<Progress*>(shared);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = static_cast<rlim_t>(level) + 10;
    must(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    ready_and_wait(gate);

    const long crossing = level - base;  // the open that crosses, counted from 1
    long good = 0;
    for (long i = 0; i < times; ++i) {
        const bool with_handler = i % 2 == 1;
        progress->begun = 0;
        progress->returned = 0;
        progress->returned_in_handler = -1;
        const pid_t pid = ::fork();
        must(pid >= 0, "fork");
        if (pid == 0) child(crossing + 20, with_handler);
        int status = 0;
        while (::waitpid(pid, &status, 0) < 0) {
        }
        const bool stopped = with_handler
                                 ? WIFEXITED(status) && WEXITSTATUS(status) == kHandlerStatus &&
                                       progress->returned_in_handler == crossing - 1
                                 : WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
        if (stopped && progress->begun == crossing && progress->returned == crossing - 1)
            ++good;
        else
            std::fprintf(
                stderr,
                "emfile_guard: child %ld: status 0x%x, begun %ld, returned %ld, crossing %ld\n", i,
                status, progress->begun.load(), progress->returned.load(), crossing);
    }
    say(std::to_string(good) + " of " + std::to_string(times));
    return good == times ? 0 : 1;
}
