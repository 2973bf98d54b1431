// SPDX-License-Identifier: Apache-2.0
// A seeded random sequence of every kind of operation that makes, copies or closes descriptors, drifting up and down
// between two bounds, with the kernel's own count logged after each. The same seed gives the same sequence.
#include <sys/un.h>

#include "fdops/close_operations.hpp"
#include "fdops/copy_operations.hpp"
#include "fdops/create_operations.hpp"
#include "fdops/failing_operations.hpp"
#include "fdops/process_operations.hpp"
#include "gate.hpp"
#include "options.hpp"

namespace brink::work {
namespace {

enum class Effect { kGrow, kShrink, kStand };
struct Operation {
    Effect effect;
    int weight;
    void (*run)(Sequence&);
};

constexpr Operation kOperations[] = {
    {Effect::kGrow, 4, create::open_raw},
    {Effect::kGrow, 4, create::openat},
    {Effect::kGrow, 2, create::openat2},
    {Effect::kGrow, 2, create::open_path},
    {Effect::kGrow, 2, create::creat},
    {Effect::kGrow, 2, create::tmpfile},
    {Effect::kGrow, 1, create::pty_peer},
    {Effect::kGrow, 2, create::namespace_owner},
    {Effect::kGrow, 3, create::socket},
    {Effect::kGrow, 2, create::eventfd_old},
    {Effect::kGrow, 2, create::eventfd2},
    {Effect::kGrow, 2, create::timerfd},
    {Effect::kGrow, 2, create::signalfd},
    {Effect::kGrow, 2, create::epoll},
    {Effect::kGrow, 2, create::epoll1},
    {Effect::kGrow, 1, create::inotify},
    {Effect::kGrow, 1, create::inotify1},
    {Effect::kGrow, 1, create::fanotify},
    {Effect::kGrow, 2, create::fanotify_read},
    {Effect::kGrow, 2, create::memfd},
    {Effect::kGrow, 2, create::pidfd},
    {Effect::kGrow, 2, create::pidfd_getfd},
    {Effect::kGrow, 2, create::open_tree},
    {Effect::kGrow, 1, create::fsopen},
    {Effect::kGrow, 1, create::message_queue},
    {Effect::kGrow, 1, create::user_fault},
    {Effect::kGrow, 1, create::bpf_map},
    {Effect::kGrow, 1, create::perf_event},
    {Effect::kGrow, 1, create::io_uring},
    {Effect::kGrow, 1, create::landlock},
    {Effect::kGrow, 4, create::pipe},
    {Effect::kGrow, 4, create::pipe2},
    {Effect::kGrow, 4, create::socketpair},
    {Effect::kGrow, 2, create::int80_dup},
    {Effect::kGrow, 2, create::int80_eventfd2},
    {Effect::kGrow, 4, copy::dup},
    {Effect::kGrow, 3, copy::f_dupfd},
    {Effect::kGrow, 3, copy::f_dupfd_cloexec},
    {Effect::kGrow, 4, copy::dup2_closed},
    {Effect::kGrow, 3, copy::dup3_closed},
    {Effect::kGrow, 1, copy::int80_dup2},
    {Effect::kGrow, 3, copy::accept},
    {Effect::kGrow, 3, copy::accept4},
    {Effect::kGrow, 4, copy::scm_rights},
    {Effect::kGrow, 3, copy::scm_rights_truncated},
    {Effect::kGrow, 2, process::clone_pidfd},
    {Effect::kShrink, 90, closing::close},
    {Effect::kShrink, 4, closing::int80_close},
    {Effect::kShrink, 12, closing::close_range},
    {Effect::kStand, 4, copy::dup2_open},
    {Effect::kStand, 4, copy::dup3_open},
    {Effect::kStand, 3, copy::dup2_itself},
    {Effect::kStand, 2, closing::close_range_cloexec},
    {Effect::kStand, 3, closing::close_bad},
    {Effect::kStand, 3, failing::open_enoent},
    {Effect::kStand, 2, failing::open_eisdir},
    {Effect::kStand, 2, failing::pipe2_efault},
    {Effect::kStand, 2, failing::socketpair_efault},
    {Effect::kStand, 2, failing::accept_eagain},
    {Effect::kStand, 2, failing::dup2_ebadf},
    {Effect::kStand, 1, failing::dup3_einval},
    {Effect::kStand, 1, failing::dup_ebadf},
    {Effect::kStand, 3, failing::emfile},
    {Effect::kStand, 1, process::fork},
    {Effect::kStand, 1, process::unshare_from_sibling},
};

int total_weight(Effect effect) {
    int total = 0;
    for (const Operation& operation : kOperations)
        if (operation.effect == effect) total += operation.weight;
    return total;
}

void run_one(Sequence& q) {
    const int dice = q.below(100);
    const bool with_drift = dice < 60;
    const bool against_drift = !with_drift && dice < 85;
    const bool grow = (q.state().rising != 0) == with_drift;
    const Effect effect = !with_drift && !against_drift ? Effect::kStand
                          : grow                        ? Effect::kGrow
                                                        : Effect::kShrink;
    int at = q.below(total_weight(effect));
    for (const Operation& operation : kOperations) {
        if (operation.effect != effect) continue;
        at -= operation.weight;
        if (at < 0) return operation.run(q);
    }
}

// In a child, because without the 32-bit entry the instruction kills.
bool int80_works() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(create::int80(20, 0, 0) > 0 ? 0 : 1);
    int status = -1;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void open_kept_descriptors(SequenceState& s) {
    s.listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;  // no name given: the kernel picks an abstract one
    must(::bind(s.listener, reinterpret_cast<sockaddr*>(&address), sizeof address.sun_family) == 0,
         "bind");
    must(::listen(s.listener, 64) == 0, "listen");
    int pair[2];
    must(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    s.scm_sender = pair[0];
    s.scm_receiver = pair[1];
    s.namespace_file = ::open("/proc/self/ns/uts", O_RDONLY);
    must(s.namespace_file >= 0, "/proc/self/ns/uts");
    s.fanotify_file = ::open("/tmp", O_TMPFILE | O_RDWR, 0600);
    s.fanotify = static_cast<int>(
        create::raw(SYS_fanotify_init, FAN_CLASS_NOTIF, O_RDONLY | O_CLOEXEC));
    const std::string path = "/proc/self/fd/" + std::to_string(s.fanotify_file);
    if (s.fanotify >= 0 &&
        ::fanotify_mark(s.fanotify, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, path.c_str()) != 0) {
        ::close(s.fanotify);
        s.fanotify = -1;
    }
}

void start(CountLog log, long seed, long count, long low, long high, long lowest_limit,
           bool close_all) {
    SequenceState& s = *static_cast<SequenceState*>(log.state());
    s = SequenceState{};
    s.random = static_cast<std::uint64_t>(seed) * 0x2545f4914f6cdd1d + 1;
    s.operations_left = static_cast<std::uint64_t>(count);
    s.low = static_cast<std::uint32_t>(low);
    s.high = static_cast<std::uint32_t>(high);
    s.lowest_limit = static_cast<std::uint32_t>(lowest_limit);
    s.rising = 1;
    s.close_all = close_all ? 1 : 0;
    rlimit limit{};
    must(::getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    s.soft_limit = static_cast<std::uint32_t>(limit.rlim_cur);
    s.int80 = int80_works() ? 1 : 0;
    open_kept_descriptors(s);
    const DescriptorDirectory directory = DescriptorDirectory::open_own();
    s.directory = directory.fd();
    const unsigned kept = directory.for_each([&s](int fd) {
        s.fds[fd] = kOpen | kKept;
        if (fd >= s.first_free) s.first_free = fd + 1;
    });
    if (kept >= s.low) {
        std::fprintf(stderr, "fdops: %u descriptors are needed to begin with, --low is %u\n", kept,
                     s.low);
        std::exit(3);
    }
    s.count_low = s.count_high = kept;
    log.header()->pid = ::getpid();
}

// The kinds that did something at least once: a test that claims so many kinds must have seen them work.
unsigned kinds_in(const CountLog& log) {
    const char* names[kMaxKinds];
    unsigned kinds = 0;
    for (std::uint64_t i = 0; i < log.size(); ++i) {
        const CountRecord& record = log.at(i);
        if (record.refused_errno != 0 && std::strstr(record.name, "_E") == nullptr) continue;
        bool known = false;
        for (unsigned k = 0; k < kinds && !known; ++k)
            known = std::strcmp(names[k], record.name) == 0;
        if (!known && kinds < kMaxKinds) names[kinds++] = record.name;
    }
    return kinds;
}

void finish(Sequence& q) {
    if (q.state().close_all != 0) {
        for (int fd = 0; fd < kMaxFd; ++fd) {
            if (!q.is_open(fd) || q.is_kept(fd)) continue;
            q.closed(fd);
            q.done("close", ::close(fd));
        }
    }
    char line[200];
    std::snprintf(line, sizeof line,
                  "fdops: %llu operations of %u kinds, %u execs, between %u and %u descriptors",
                  static_cast<unsigned long long>(q.log().size()), kinds_in(q.log()),
                  q.state().execs, q.state().count_low, q.state().count_high);
    say(line);
}

}  // namespace
}  // namespace brink::work

int main(int argc, char** argv) {
    using namespace brink::work;
    long seed = 1;
    long count = 0;
    long low = 20;
    long high = 80;
    long lowest_limit = 0;
    long log_fd = -1;
    long exec_every = 150;
    bool go_on = false;
    bool close_all = false;
    bool gate = false;
    Options("fdops", "Random descriptor operations; the kernel's own count goes into the log after "
                     "each of them.")
        .positional("SEED", "where the sequence begins; the same gives the same", &seed, false)
        .positional("COUNT", "how many operations (a few make two)", &count, false)
        .number("log-fd", "inherited descriptor of the count log (required)", &log_fd)
        .number("low", "at this count the drift turns upwards (20)", &low)
        .number("high", "at this count the drift turns downwards (80)", &high)
        .number("lowest-limit", "never lower the soft limit below this (0)", &lowest_limit)
        .flag("close-all", "close everything at the end instead of exiting with it open",
              &close_all)
        .flag("gate", "say `ready PID` and wait for a line before the first operation", &gate)
        .flag("go-on", "used by fdops itself after exec", &go_on)
        .parse(argc, argv);
    if (log_fd < 0) {
        std::fprintf(stderr, "fdops: --log-fd is required\n");
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    const CountLog log = CountLog::attach(static_cast<int>(log_fd));
    if (!go_on) {
        start(log, seed, count, low, high, lowest_limit, close_all);
        ready_and_wait(gate);
    }
    Sequence q(log);
    q.done(go_on ? "exec" : "start", 0);
    while (q.state().operations_left > 0) {
        --q.state().operations_left;
        if (q.one_in(static_cast<int>(exec_every))) process::exec(q, static_cast<int>(log_fd));
        run_one(q);
    }
    finish(q);
    return 0;
}
