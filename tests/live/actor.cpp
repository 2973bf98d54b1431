// SPDX-License-Identifier: Apache-2.0
#include "actor.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "child.hpp"
#include "machine.hpp"

namespace brink::live {
namespace {

constexpr std::size_t kPage = 4096;

struct Order {
    Deed deed;
    std::uint64_t a, b;
};

// What it has taken, the last at the end.
struct Held {
    std::vector<pid_t> processes;
    std::vector<int> inotify;
    std::vector<int> watches;
    std::vector<std::pair<mqd_t, std::string>> queues;
    std::vector<void*> segments;
};
Held held;

std::int64_t code(bool done) { return done ? 0 : errno; }

std::int64_t mapped(int protection, int flags, std::uint64_t bytes = kPage) {
    return code(::mmap(nullptr, bytes, protection, flags | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

std::int64_t map_apart(std::uint64_t times) {
    std::int64_t error = 0;
    for (std::uint64_t i = 0; i < times && error == 0; ++i) error = mapped(PROT_READ, MAP_SHARED);
    return error;
}

std::int64_t lock_next() {
    static char* const pool = static_cast<char*>(
        ::mmap(nullptr, 64 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    static std::size_t next = 0;
    const std::int64_t answer = code(::mlock(pool + next * kPage, kPage) == 0);
    if (answer == 0) ++next;
    return answer;
}

// Nobody else has it, and it is gone with the process.
std::int64_t lock_shared(std::uint64_t bytes) {
    const int id = ::shmget(IPC_PRIVATE, bytes, 0600);
    if (id < 0) return errno;
    void* const memory = ::shmat(id, nullptr, 0);
    const std::int64_t answer = code(::shmctl(id, SHM_LOCK, nullptr) == 0);
    ::shmctl(id, IPC_RMID, nullptr);
    if (answer == 0) held.segments.push_back(memory);
    return answer;
}

// What is attached no longer and was removed before is freed, and unlocked with it.
std::int64_t unlock_shared() {
    void* const memory = held.segments.back();
    held.segments.pop_back();
    return code(::shmdt(memory) == 0);
}

// Private memory in small pages; nullptr with errno.
volatile char* map_pages(std::uint64_t pages) {
    void* const memory = ::mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    ::madvise(memory, pages * kPage, MADV_NOHUGEPAGE);
    return static_cast<volatile char*>(memory);
}

void write_to(volatile char* memory, std::uint64_t pages) {
    for (std::uint64_t i = 0; i < pages; ++i) memory[i * kPage] = 1;
}

std::int64_t touch(std::uint64_t pages) {
    volatile char* const memory = map_pages(pages);
    if (memory == nullptr) return errno;
    write_to(memory, pages);
    return 0;
}

std::int64_t breathe(std::uint64_t pages, std::uint64_t times) {
    volatile char* const memory = map_pages(pages);
    if (memory == nullptr) return errno;
    void* const at = const_cast<char*>(memory);
    for (std::uint64_t n = 0; n < times; ++n) {
        write_to(memory, pages);
        if (::madvise(at, pages * kPage, MADV_DONTNEED) != 0) return errno;
    }
    return code(::munmap(at, pages * kPage) == 0);
}

std::int64_t grow_stack(std::uint64_t bytes) {
    volatile char* const lowest = static_cast<volatile char*>(__builtin_alloca(bytes));
    for (std::uint64_t i = bytes; i > 0; i -= std::min<std::uint64_t>(i, kPage)) lowest[i - 1] = 1;
    return 0;
}

void* sleep_for_ever(void* /*unused*/) {
    for (;;) ::pause();
}

std::int64_t start_process() {
    const pid_t child = ::fork();
    if (child < 0) return errno;
    if (child > 0) held.processes.push_back(child);
    if (child > 0) return 0;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ::pause();
}

std::int64_t open_queue(std::uint64_t messages, std::uint64_t bytes) {
    static int number = 0;
    mq_attr attributes{};
    attributes.mq_maxmsg = static_cast<long>(messages);
    attributes.mq_msgsize = static_cast<long>(bytes);
    const std::string name = "/brink-" + std::to_string(::getpid()) + "-" +
                             std::to_string(number++);
    const mqd_t queue = ::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    if (queue == mqd_t(-1)) return errno;
    held.queues.emplace_back(queue, name);
    return 0;
}

std::int64_t close_queue() {
    const auto [queue, name] = held.queues.back();
    held.queues.pop_back();
    ::mq_unlink(name.c_str());
    return code(::mq_close(queue) == 0);
}

std::int64_t end_process() {
    const pid_t process = held.processes.back();
    held.processes.pop_back();
    ::kill(process, SIGKILL);
    return code(::waitpid(process, nullptr, 0) == process);
}

std::int64_t new_inotify() {
    const int instance = ::inotify_init1(IN_CLOEXEC);
    if (instance < 0) return errno;
    held.inotify.push_back(instance);
    return 0;
}

std::int64_t close_inotify() {
    const int instance = held.inotify.back();
    held.inotify.pop_back();
    return code(::close(instance) == 0);
}

// A folder of its own for each: a second watch of the same would be the first again.
std::int64_t watch_folder() {
    const std::string name = "folder-" + std::to_string(held.watches.size());
    ::mkdir(name.c_str(), 0700);
    const int watch = ::inotify_add_watch(held.inotify.back(), name.c_str(), IN_MODIFY);
    if (watch < 0) return errno;
    held.watches.push_back(watch);
    return 0;
}

std::int64_t unwatch() {
    const int watch = held.watches.back();
    held.watches.pop_back();
    return code(::inotify_rm_watch(held.inotify.back(), watch) == 0);
}

std::int64_t take_signal() {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGRTMIN);
    const timespec at_once{};
    return code(::sigtimedwait(&wanted, nullptr, &at_once) == SIGRTMIN);
}

std::int64_t watch_file(std::uint64_t instance) {
    static int number = 0;
    const std::string name = "watched-" + std::to_string(number++);
    const int fd = ::open(name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    ::close(fd);
    return code(::inotify_add_watch(static_cast<int>(instance), name.c_str(), IN_MODIFY) >= 0);
}

std::int64_t drop_lock_right() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capget, &header, data) != 0) return errno;
    data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective &= ~CAP_TO_MASK(CAP_IPC_LOCK);
    return code(::syscall(SYS_capset, &header, data) == 0);
}

std::int64_t burn() {
    for (sigset_t pending; ::sigpending(&pending) == 0;)
        if (sigismember(&pending, SIGXCPU) == 1) return 0;
    return errno;
}

std::int64_t set_limit(std::uint64_t which, std::uint64_t soft) {
    rlimit limit{};
    ::getrlimit(static_cast<__rlimit_resource>(which), &limit);
    limit.rlim_cur = soft;
    return code(::setrlimit(static_cast<__rlimit_resource>(which), &limit) == 0);
}

std::int64_t obey(const Order& order) {
    pthread_t thread{};
    switch (order.deed) {
        case Deed::set_limit: return set_limit(order.a, order.b);
        case Deed::reserve: return mapped(PROT_NONE, MAP_PRIVATE);
        case Deed::map: return mapped(PROT_READ | PROT_WRITE, MAP_PRIVATE);
        case Deed::lock: return lock_next();
        case Deed::lock_shared: return lock_shared(order.a);
        case Deed::map_apart: return map_apart(std::max<std::uint64_t>(order.a, 1));
        case Deed::touch: return touch(order.a);
        case Deed::breathe: return breathe(order.a, order.b);
        case Deed::grow_stack: return grow_stack(order.a);
        case Deed::start_thread: return ::pthread_create(&thread, nullptr, sleep_for_ever, nullptr);
        case Deed::start_process: return start_process();
        case Deed::queue_signal: return code(::sigqueue(::getpid(), SIGRTMIN, {}) == 0);
        case Deed::open_queue: return open_queue(order.a, order.b);
        case Deed::watch_file: return watch_file(order.a);
        case Deed::new_inotify: return new_inotify();
        case Deed::take_signal: return take_signal();
        case Deed::end_process: return end_process();
        case Deed::close_inotify: return close_inotify();
        case Deed::watch_folder: return watch_folder();
        case Deed::unwatch: return unwatch();
        case Deed::close_queue: return close_queue();
        case Deed::unlock_shared: return unlock_shared();
        case Deed::new_user_namespace: return code(::unshare(CLONE_NEWUSER) == 0);
        case Deed::open_file: return code(::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
        case Deed::duplicate: return code(::dup(static_cast<int>(order.a)) >= 0);
        case Deed::reserve_much: return mapped(PROT_NONE, MAP_PRIVATE, order.a);
        case Deed::break_up:
            return code(::sbrk(static_cast<intptr_t>(order.a)) != reinterpret_cast<void*>(-1));
        case Deed::map_locked:
            return mapped(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_LOCKED, order.a);
        case Deed::lock_nothing: return code(::mlock(reinterpret_cast<void*>(kPage), kPage) == 0);
        case Deed::drop_rights: return drop_lock_right();
        case Deed::burn: return burn();
    }
    return EINVAL;
}

[[noreturn]] void live(int orders, int answers, const std::function<void()>& prepare) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGRTMIN);
    sigaddset(&blocked, SIGXCPU);
    ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
    // Descriptors without holes: 0, 1, 2, and its own two.
    orders = ::fcntl(orders, F_DUPFD, 100);
    answers = ::fcntl(answers, F_DUPFD, 100);
    orders = ::dup2(orders, 3);
    answers = ::dup2(answers, 4);
    ::close_range(5, ~0U, 0);
    prepare();
    std::int64_t answer = 0;
    (void)!::write(answers, &answer, sizeof answer);
    Order order{};
    while (::read(orders, &order, sizeof order) == sizeof order) {
        answer = obey(order);
        (void)!::write(answers, &answer, sizeof answer);
    }
    ::_exit(0);
}

std::int64_t take_answer(int answers) {
    std::int64_t answer = -1;
    return ::read(answers, &answer, sizeof answer) == sizeof answer ? answer : -1;
}

}  // namespace

Actor::Actor(const std::function<void()>& prepare) {
    int orders[2];
    int answers[2];
    if (::pipe2(orders, O_CLOEXEC) != 0 || ::pipe2(answers, O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) live(orders[0], answers[1], prepare);
    ::close(orders[0]);
    ::close(answers[1]);
    orders_ = orders[1];
    answers_ = answers[0];
    (void)take_answer(answers_);
}

Actor::~Actor() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(orders_);
    ::close(answers_);
}

std::int64_t Actor::operator()(Deed deed, std::uint64_t a, std::uint64_t b) const {
    const Order order{deed, a, b};
    if (::write(orders_, &order, sizeof order) != sizeof order) return -1;
    return take_answer(answers_);
}

void become_stranger() {
    if (::setresgid(kStranger, kStranger, kStranger) != 0) ::_exit(1);
    if (::setresuid(kStranger, kStranger, kStranger) != 0) ::_exit(1);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of ids takes it back
}

std::vector<nlohmann::json> limits_of(const std::string& resource, const std::string& engine) {
    Child brink({brink_path(), "limits", "--engine", engine, "-r", resource, "-o", "json"});
    EXPECT_EQ(shell_status(brink.wait()), 0) << brink.err();
    std::vector<nlohmann::json> rows;
    std::istringstream lines(brink.out());
    for (std::string line; std::getline(lines, line);) rows.push_back(nlohmann::json::parse(line));
    return rows;
}

}  // namespace brink::live
