// SPDX-License-Identifier: Apache-2.0
// A process that does what it is told, a line at a time, and has children that do the same: for tests that need one
// exact step after another. Commands come in on standard input and are answered on standard output, `PID ERRNO`; one
// that begins with `@K ` is for descendant number K, and reaches it through memory shared by all, so that orders change
// no descriptor table. The memory has a descriptor (4 descriptors in all), so that it is found again after exec.
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <csignal>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "descriptor_directory.hpp"
#include "gate.hpp"
#include "options.hpp"

namespace {

using brink::work::must;

constexpr int kPuppets = 32;
constexpr int kMostOpen = 4096;

struct Puppet {
    std::atomic<std::uint32_t> turn;  // odd: an order waits; even: it has been carried out
    std::atomic<int> pid;
    std::atomic<int> error;
    int open_count;  // loose descriptors, from the bottom
    int fds[kMostOpen];
    char order[256];
};
Puppet* puppets;
int memory_fd = -1;
int self = 0;

std::atomic<int> blocked_fd{-1};  // what the thread that blocks in open() got
std::atomic<int> blocked_error{0};
std::atomic<pthread_t> blocked_thread;

long futex(std::atomic<std::uint32_t>* word, int operation, std::uint32_t value) {
    return ::syscall(SYS_futex, word, operation, value, nullptr, nullptr, 0);
}

void order(int index, const std::string& text) {
    Puppet& puppet = puppets[index];
    std::snprintf(puppet.order, sizeof puppet.order, "%s", text.c_str());
    const std::uint32_t turn = puppet.turn.fetch_add(1) + 1;
    futex(&puppet.turn, FUTEX_WAKE, 64);
    while (puppet.turn.load() == turn) futex(&puppet.turn, FUTEX_WAIT, turn);
}

int open_one() {
    Puppet& me = puppets[self];
    const int fd = ::dup(memory_fd);
    if (fd < 0) return errno;
    me.fds[me.open_count++] = fd;
    return 0;
}
int close_one() {
    Puppet& me = puppets[self];
    if (me.open_count == 0) return ENOENT;
    return ::close(me.fds[--me.open_count]) == 0 ? 0 : errno;
}
constexpr int kOwn = 4;  // standard input, output, error, and the memory
int to(int count) {
    int error = 0;
    while (error == 0 && puppets[self].open_count < count - kOwn) error = open_one();
    while (error == 0 && puppets[self].open_count > count - kOwn) error = close_one();
    return error;
}
int set_limit(rlim_t soft) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = soft;
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : errno;
}

[[noreturn]] void obey(int index);

int born(int index, long pid) {
    if (pid < 0) return errno;
    if (pid == 0) {
        ::alarm(1800);
        obey(index);
    }
    puppets[index].pid = static_cast<int>(pid);
    return 0;
}
void prepare(int index) {
    Puppet& child = puppets[index];
    child.turn = 0;
    child.open_count = puppets[self].open_count;
    std::memcpy(child.fds, puppets[self].fds, sizeof child.fds);
}

int open_blocking(const std::string& path) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, nullptr);  // without SA_RESTART: it ends a blocked open
    std::atomic<bool> started{false};
    std::thread([&started, path] {
        blocked_thread = ::pthread_self();
        blocked_fd = -1;
        blocked_error = -1;
        started = true;
        const int fd = ::open(path.c_str(), O_RDONLY);
        blocked_error = fd < 0 ? errno : 0;
        blocked_fd = fd;
    }).detach();
    while (!started) ::sched_yield();
    return 0;
}
// 0 when the blocked open has ended with a descriptor.
int wait_for_blocked() {
    while (blocked_error == -1) ::usleep(1000);
    if (blocked_error != 0) return blocked_error;
    Puppet& me = puppets[self];
    me.fds[me.open_count++] = blocked_fd;
    return 0;
}

// A thread with a table of its own, which goes up by `extra` and down again there, `times`.
int stranger(long extra, long times) {
    int error = 0;
    std::thread([&] {
        if (::unshare(CLONE_FILES) != 0) {
            error = errno;
            return;
        }
        for (long i = 0; i < times; ++i) {
            std::vector<int> fds;
            for (long k = 0; k < extra; ++k) fds.push_back(::dup(memory_fd));
            for (const int fd : fds) ::close(fd);
        }
    }).join();
    return error;
}

[[noreturn]] void exec_self(const std::string& program = "/proc/self/exe") {
    Puppet& me = puppets[self];
    int kept = 0;  // in the new image the close-on-exec ones are gone
    for (int i = 0; i < me.open_count; ++i)
        if ((::fcntl(me.fds[i], F_GETFD) & FD_CLOEXEC) == 0) me.fds[kept++] = me.fds[i];
    me.open_count = kept;
    char memory[16];
    char index[16];
    std::snprintf(memory, sizeof memory, "%d", memory_fd);
    std::snprintf(index, sizeof index, "%d", self);
    ::execl(program.c_str(), "puppet", "--memory", memory, "--self", index,
            static_cast<char*>(nullptr));
    std::abort();
}

// "exec", or "exec PROGRAM": a copy of puppet.
[[noreturn]] void exec_as(const std::string& text) {
    if (text.size() > 5) exec_self(text.substr(5));
    exec_self();
}

int set_policy(int policy) {
    sched_param parameters{};
    parameters.sched_priority = policy == SCHED_OTHER ? 0 : 1;
    return ::sched_setscheduler(0, policy, &parameters) == 0 ? 0 : errno;
}

// Starts a real-time thread, or ends it.
int fifo_thread(bool on) {
    static std::atomic<bool> wanted;
    static std::thread thread;
    if (!on) {
        wanted = false;
        thread.join();
        return 0;
    }
    std::atomic<int> error{-1};
    wanted = true;
    thread = std::thread([&error] {
        error = set_policy(SCHED_FIFO);
        while (wanted) ::usleep(1000);
    });
    while (error == -1) ::usleep(1000);
    return error;
}

int carry_out(const std::string& text) {
    char word[32] = "";
    char argument[200] = "";
    long second = 0;
    std::sscanf(text.c_str(), "%31s %199s %ld", word, argument, &second);
    const std::string command = word;
    const long number = std::atol(argument);
    Puppet& me = puppets[self];
    if (command == "to") return to(static_cast<int>(number));
    if (command == "bounce") {  // up by one and down again, so many times
        for (long i = 0; i < number; ++i)
            if (const int error = open_one(); error != 0 || close_one() != 0) return error;
        return 0;
    }
    if (command == "open") return open_one();
    if (command == "limit") return set_limit(static_cast<rlim_t>(number));
    if (command == "cloexec") {  // of the newest N
        for (long i = 0; i < number; ++i)
            ::fcntl(me.fds[me.open_count - 1 - i], F_SETFD, FD_CLOEXEC);
        return 0;
    }
    if (command == "pair") {  // refused as a whole when there is room for one
        int fds[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) return errno;
        ::close(fds[0]);
        ::close(fds[1]);
        return 0;
    }
    if (command == "fork") {
        prepare(static_cast<int>(number));
        return born(static_cast<int>(number), ::fork());
    }
    if (command == "share") {  // a sibling on the same table
        prepare(static_cast<int>(number));
        return born(static_cast<int>(number),
                    ::syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0L, 0L, 0L, 0L));
    }
    if (command == "unshare") return ::unshare(CLONE_FILES) == 0 ? 0 : errno;
    if (command == "stranger") return stranger(number, second);
    if (command == "block") return open_blocking(argument);
    if (command == "interrupt") return ::pthread_kill(blocked_thread, SIGUSR1);
    if (command == "unblocked") return wait_for_blocked();
    if (command == "uid")  // the real one: root's rights stay
        return ::setresuid(static_cast<uid_t>(number), static_cast<uid_t>(-1),
                           static_cast<uid_t>(-1)) == 0
                   ? 0
                   : errno;
    if (command == "policy") return set_policy(static_cast<int>(number));
    if (command == "fifo") return fifo_thread(number != 0);
    if (command == "comm") return ::prctl(PR_SET_NAME, argument) == 0 ? 0 : errno;
    if (command == "wait") return ::waitpid(puppets[number].pid, nullptr, 0) > 0 ? 0 : errno;
    return EINVAL;
}

// An end cannot be answered by the one that ends: the answer comes first.
bool is_end(const std::string& text) {
    return text.compare(0, 4, "exit") == 0 || text.compare(0, 4, "exec") == 0;
}

void answered(Puppet& me) {
    me.turn.fetch_add(1);
    futex(&me.turn, FUTEX_WAKE, 64);
}

void obey(int index) {
    self = index;
    Puppet& me = puppets[self];
    me.pid = ::getpid();
    for (;;) {
        const std::uint32_t turn = me.turn.load();
        if (turn % 2 == 0) {
            futex(&me.turn, FUTEX_WAIT, turn);
            continue;
        }
        const std::string text = me.order;
        if (text.compare(0, 4, "exec") == 0) exec_as(text);  // the new image answers
        if (is_end(text)) {
            answered(me);
            ::_exit(std::atoi(text.c_str() + 4));
        }
        me.error = carry_out(text);
        answered(me);
    }
}

void lead() {
    for (;;) {
        bool ended = false;
        std::string text = brink::work::next_line(&ended);
        if (ended && text.empty()) ::_exit(0);
        int index = 0;
        if (text[0] == '@') {
            index = std::atoi(text.c_str() + 1);
            text = text.substr(text.find(' ') + 1);
        }
        Puppet& puppet = puppets[index];
        if (index != 0) {
            order(index, text);
        } else if (text.compare(0, 4, "exec") == 0) {
            exec_as(text);
        } else if (is_end(text)) {
            ::_exit(std::atoi(text.c_str() + 4));
        } else {
            puppet.error = carry_out(text);
        }
        brink::work::say(std::to_string(puppet.pid.load()) + " " +
                         std::to_string(puppet.error.load()));
    }
}

void map_memory() {
    void* mapped = ::mmap(nullptr, sizeof(Puppet) * kPuppets, PROT_READ | PROT_WRITE, MAP_SHARED,
                          memory_fd, 0);
    must(mapped != MAP_FAILED, "mmap");
    puppets = static_cast<Puppet*>(mapped);
}

}  // namespace

int main(int argc, char** argv) {
    long memory = -1;
    long index = 0;
    brink::work::Options(
        "puppet",
        "Obeys lines on standard input: to N | bounce N | open | pair | limit N | cloexec N | exec "
        "[PROGRAM] | exit S "
        "| fork K | share K | wait K | unshare | stranger N TIMES | block FIFO | interrupt | "
        "unblocked "
        "| comm NAME | uid N | policy N | fifo 0|1; `@K ` before it: the descendant number K does "
        "it. Answers `PID ERRNO`.")
        .number("memory", "used by puppet itself after exec", &memory)
        .number("self", "used by puppet itself after exec", &index)
        .parse(argc, argv);
    if (memory >= 0) {
        memory_fd = static_cast<int>(memory);
        map_memory();
        self = static_cast<int>(index);
        puppets[self].error = 0;
        if (self != 0) {
            answered(puppets[self]);
            obey(self);
        }
        brink::work::say(std::to_string(::getpid()) + " 0");
        lead();
    }
    // Nothing but the four: what came in besides (a pipe of the caller's) would move the levels of the test.
    ::syscall(436, 3U, ~0U, 0U);  // close_range
    memory_fd = ::memfd_create("puppet", 0);
    must(memory_fd == 3, "memfd_create");
    must(::ftruncate(memory_fd, sizeof(Puppet) * kPuppets) == 0, "ftruncate");
    map_memory();
    puppets[0].pid = ::getpid();
    brink::work::say(std::to_string(::getpid()) + " 0");
    lead();
}
