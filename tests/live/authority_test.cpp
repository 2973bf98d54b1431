// SPDX-License-Identifier: Apache-2.0
// Who may watch what, through brinkd: each yes and each no, as two ordinary users and root. What is expected is what
// prlimit(2) does in the same place, or what product rules say beyond it.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "brink_process.hpp"
#include "daemon.hpp"
#include "steps.hpp"

namespace brink::live {
namespace {

constexpr const char* kLevel = "nofile=10";

class Authority : public testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(daemon_.wait_ready()) << daemon_.child().err(); }

    // A busybox of its own, with whatever `prepare` makes of it.
    std::string program(const std::string& name) {
        const std::string path = folder_ / name;
        std::filesystem::copy_file("/bin/busybox", path);
        ::chmod(path.c_str(), 0755);
        ::chmod((folder_ / "").c_str(), 0755);
        return path;
    }

    Daemon daemon_;
    ScratchFolder folder_;
};

// What prlimit(2) says to whoever has these ids.
int kernels_answer(uid_t uid, gid_t gid, pid_t pid) {
    Steps asker({become(uid, gid), [=] {
                     rlimit limit{};
                     return ::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) ? errno : 0;
                 }});
    EXPECT_EQ(asker.next(), 0);
    return asker.next();
}

TEST_F(Authority, OnesOwnProcessesByTheRuleOfPrlimit) {
    struct Case {
        const char* what;
        std::function<int()> ids;
        int expected;
    };
    const Case cases[] = {
        {"of the same user", become(kAlice, kAlice), 0},
        {"of another user", become(kBob, kBob), EPERM},
        {"of root", [] { return 0; }, EPERM},
        {"of the same user in another group", become(kAlice, kBob), EPERM},
        {"with another saved id", become_mixed(kAlice, kBob), EPERM},
    };
    Monitor alices = open_as(daemon_, kAlice, kAlice);
    ASSERT_GE(alices.fd(), 0) << daemon_.child().err();
    for (const Case& one : cases) {
        Steps process({one.ids});
        ASSERT_EQ(process.next(), 0) << one.what;
        EXPECT_EQ(kernels_answer(kAlice, kAlice, process.pid()), one.expected) << one.what;
        EXPECT_EQ(alices.watch(process.pid(), kLevel), one.expected)
            << one.what << ": " << brink_error();
    }
}

TEST_F(Authority, EachOfTwoUsersHearsOfItsOwnOnly) {
    Monitor alices = open_as(daemon_, kAlice, kAlice);
    Monitor bobs = open_as(daemon_, kBob, kBob);
    Steps alice({become(kAlice, kAlice), open_files(20)});
    Steps bob({become(kBob, kBob), open_files(20)});
    ASSERT_EQ(alice.next() + bob.next(), 0);
    EXPECT_EQ(alices.watch(alice.pid(), kLevel), 0) << brink_error();
    EXPECT_EQ(bobs.watch(bob.pid(), kLevel), 0) << brink_error();
    EXPECT_EQ(alices.watch(bob.pid(), kLevel), EPERM);
    EXPECT_EQ(bobs.watch(alice.pid(), kLevel), EPERM);
    ASSERT_EQ(alice.next(), 0);
    const auto event = alices.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->pid, alice.pid());
    EXPECT_EQ(event->uid, kAlice);
    EXPECT_EQ(event->type, std::uint32_t{BRINK_EVENT_CROSSING});
    ASSERT_EQ(bob.next(), 0);
    const auto other = bobs.next();
    ASSERT_TRUE(other);
    EXPECT_EQ(other->pid, bob.pid());
    EXPECT_TRUE(alices.silent());
}

TEST_F(Authority, RootAndTheGroupWatchEveryone) {
    Steps alice({become(kAlice, kAlice)});
    ASSERT_EQ(alice.next(), 0);
    Monitor roots = open_as(daemon_, 0, 0);
    Monitor members = open_as(daemon_, kBob, kBob, {kWatchers});
    EXPECT_EQ(roots.watch(alice.pid(), kLevel), 0) << brink_error();
    EXPECT_EQ(roots.watch(1, kLevel), 0) << brink_error();
    EXPECT_EQ(members.watch(alice.pid(), kLevel), 0) << brink_error();
    EXPECT_EQ(members.watch(1, kLevel), 0) << brink_error();
}

// Ids alone do not make root: it is the capabilities.
TEST_F(Authority, RootWithoutCapabilitiesIsAUserLikeOthers) {
    if (engine() == "poll") GTEST_SKIP() << "needs the hooks";
    Steps alice({become(kAlice, kAlice)});
    ASSERT_EQ(alice.next(), 0);
    Monitor bare = open_in(daemon_, [] {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct none[2] = {};
        if (::syscall(SYS_capset, &header, none)) ::_exit(1);
    });
    EXPECT_EQ(bare.watch(alice.pid(), kLevel), EPERM);
    EXPECT_EQ(bare.watch(1, kLevel), 0) << brink_error();  // the same ids
}

TEST_F(Authority, ThereIsNoSuchProcess) {
    Monitor alices = open_as(daemon_, kAlice, kAlice);
    pid_t gone = 0;
    int pidfd = -1;
    {
        Steps process({become(kAlice, kAlice)});
        ASSERT_EQ(process.next(), 0);
        gone = process.pid();
        pidfd = static_cast<int>(::syscall(SYS_pidfd_open, gone, 0));
        ASSERT_GE(pidfd, 0);
        EXPECT_GT(brink_watch_pidfd(alices.fd(), pidfd, kLevel), 0) << brink_error();
    }
    EXPECT_EQ(alices.watch(gone, kLevel), ESRCH);
    EXPECT_EQ(brink_watch_pidfd(alices.fd(), pidfd, kLevel), -1);
    EXPECT_EQ(errno, ESRCH);
    const int file = ::open("/dev/null", O_RDONLY);
    EXPECT_EQ(brink_watch_pidfd(alices.fd(), file, kLevel), -1);
    EXPECT_EQ(errno, EBADF);
    ::close(file);
    ::close(pidfd);
}

// The watch of `alices` on a process ends with what the process does in its second step: says `exit` and why, and
// nothing more, while one of root's goes on.
void expect_end(Daemon& daemon, std::vector<std::function<int()>> steps) {
    Monitor alices = open_as(daemon, kAlice, kAlice);
    Monitor roots = open_as(daemon, 0, 0);
    Steps process(std::move(steps));
    ASSERT_EQ(process.next(), 0);
    ASSERT_EQ(alices.watch(process.pid(), "nofile=500,4"), 0) << brink_error();
    ASSERT_EQ(roots.watch(process.pid(), "nofile=4"), 0) << brink_error();
    if (const int failed = process.next(); failed == ENOTSUP || failed == EPERM)
        GTEST_SKIP() << "not on this machine: " << std::strerror(failed);
    const auto end = alices.next_of(BRINK_EVENT_EXIT);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->pid, process.pid());
    EXPECT_EQ(end->error, EPERM);
    EXPECT_STREQ(end->text, "credentials");
    EXPECT_EQ(end->usage, 0U);
    ::kill(process.pid(), SIGKILL);
    const auto last = roots.next_of(BRINK_EVENT_EXIT);
    ASSERT_TRUE(last);
    EXPECT_EQ(last->error, 0);
    EXPECT_TRUE(alices.silent());
}

TEST_F(Authority, EndsWhenASetUidProgramIsExecuted) {
    const std::string path = program("set_uid");
    ASSERT_EQ(::chown(path.c_str(), kBob, kBob), 0);
    ASSERT_EQ(::chmod(path.c_str(), 04755), 0);
    expect_end(daemon_, {become(kAlice, kAlice), execute(path)});
}

TEST_F(Authority, EndsWhenASetGidProgramIsExecuted) {
    const std::string path = program("set_gid");
    ASSERT_EQ(::chown(path.c_str(), kBob, kBob), 0);
    ASSERT_EQ(::chmod(path.c_str(), 02755), 0);
    expect_end(daemon_, {become(kAlice, kAlice), execute(path)});
}

TEST_F(Authority, EndsWhenAProgramWithFileCapabilitiesIsExecuted) {
    const std::string path = program("file_capability");
    vfs_cap_data data{};
    data.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
    data.data[0].permitted = 1U << CAP_NET_RAW;
    if (::setxattr(path.c_str(), "security.capability", &data, sizeof data, 0))
        GTEST_SKIP() << "no file capabilities in /tmp: " << std::strerror(errno);
    expect_end(daemon_, {become(kAlice, kAlice), execute(path)});
}

TEST_F(Authority, GoesOnWhenAnOrdinaryProgramIsExecuted) {
    Monitor alices = open_as(daemon_, kAlice, kAlice);
    Steps process({become(kAlice, kAlice), execute(program("ordinary"))});
    ASSERT_EQ(process.next(), 0);
    ASSERT_EQ(alices.watch(process.pid(), "nofile=500"), 0) << brink_error();
    ASSERT_EQ(process.next(), 0);
    ::kill(process.pid(), SIGKILL);
    const auto end = alices.next_of(BRINK_EVENT_EXIT);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->error, 0);
    EXPECT_STREQ(end->comm, "ordinary");
}

TEST_F(Authority, EndsWhenIdsChange) {
    const auto with_capabilities = [] {
        if (::prctl(PR_SET_KEEPCAPS, 1) || ::setgroups(0, nullptr) ||
            ::setresgid(kAlice, kAlice, kAlice) || ::setresuid(kAlice, kAlice, kAlice))
            return errno;
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct data[2] = {};
        data[0].effective = data[0].permitted = 1U << CAP_SETUID;
        return ::syscall(SYS_capset, &header, data) ? errno : 0;
    };
    constexpr auto kAsItIs = static_cast<uid_t>(-1);
    const auto becomes_bob = [] { return ::setresuid(kAsItIs, kBob, kAsItIs) ? errno : 0; };
    expect_end(daemon_, {with_capabilities, becomes_bob});
}

// A child inherits the watch, and the end of it.
TEST_F(Authority, EndsForTheChildThatChangesOnly) {
    const std::string path = program("child_set_uid");
    ASSERT_EQ(::chown(path.c_str(), kBob, kBob), 0);
    ASSERT_EQ(::chmod(path.c_str(), 04755), 0);
    Monitor alices = open_as(daemon_, kAlice, kAlice);
    Steps process({become(kAlice, kAlice), open_files(20),
                   [=] {
                       const pid_t child = ::fork();
                       if (child == 0) {
                           ::execl(path.c_str(), "sleep", "0", nullptr);
                           ::_exit(1);
                       }
                       ::waitpid(child, nullptr, 0);
                       return 0;
                   },
                   open_files(20)});
    ASSERT_EQ(process.next(), 0);
    ASSERT_EQ(alices.watch(process.pid(), "nofile=10,40"), 0) << brink_error();
    ASSERT_EQ(process.next(), 0);
    ASSERT_EQ(process.next(), 0);
    ASSERT_TRUE(alices.next_of(BRINK_EVENT_CROSSING));
    const auto end = alices.next_of(BRINK_EVENT_EXIT);
    ASSERT_TRUE(end);
    EXPECT_NE(end->pid, process.pid());
    EXPECT_EQ(end->error, EPERM);
    ASSERT_EQ(process.next(), 0);
    const auto more = alices.next_of(BRINK_EVENT_CROSSING);
    ASSERT_TRUE(more);
    EXPECT_EQ(more->pid, process.pid());
}

// Whoever made a user namespace has every capability in it, over users there that are nobody's outside.
TEST_F(Authority, TheMakerOfAUserNamespaceWatchesItsUsers) {
    if (engine() == "poll") GTEST_SKIP() << "needs the hooks";
    const auto other_user = [] {
        if (::unshare(CLONE_NEWUSER)) return errno;
        return 0;
    };
    const auto mapped = [] { return ::setresuid(1, 1, 1) ? errno : 0; };
    Steps process({become(kAlice, kAlice), other_user, mapped});
    ASSERT_EQ(process.next(), 0);
    if (const int failed = process.next())
        GTEST_SKIP() << "no user namespaces for ordinary users: " << std::strerror(failed);
    ASSERT_TRUE(write_file("/proc/" + std::to_string(process.pid()) + "/uid_map",
                           "0 4242 1\n1 100001 1\n"));
    ASSERT_EQ(process.next(), 0);
    Monitor alices = open_as(daemon_, kAlice, kAlice);
    Monitor bobs = open_as(daemon_, kBob, kBob);
    EXPECT_EQ(alices.watch(process.pid(), kLevel), 0) << brink_error();
    EXPECT_EQ(bobs.watch(process.pid(), kLevel), EPERM);
}

// In a pid namespace of its own a client hears of pids in its own numbers.
TEST_F(Authority, AClientInAnotherPidNamespaceHasItsOwnNumbers) {
    if (engine() == "poll") GTEST_SKIP() << "needs the hooks";
    int answers[2];
    ASSERT_EQ(::pipe2(answers, O_CLOEXEC), 0);
    Steps outside({[&] {
                      if (::unshare(CLONE_NEWPID)) return errno;
                      const pid_t first = ::fork();
                      if (first == 0) {
                          if (become(kAlice, kAlice)()) ::_exit(1);
                          Monitor inside(brink_open(daemon_.socket().c_str(), 0));
                          brink_request request{};  // a bare number
                          request.protocol = BRINK_PROTOCOL;
                          request.op = BRINK_REQUEST_ADD;
                          request.pid = 1;
                          std::strcpy(request.spec, kLevel);
                          brink_event reply{};
                          if (::write(inside.fd(), &request, sizeof request) < 0 ||
                              brink_read(inside.fd(), &reply, 1) != 1)
                              ::_exit(2);
                          const int by_library = inside.watch(::getpid(), "nofile=40");
                          for (int i = 0; i < 40; ++i)
                              if (::open("/dev/null", O_RDONLY) < 0) ::_exit(3);
                          const auto event = inside.next();
                          const int answer[] = {reply.error, by_library, event ? event->pid : -1,
                                                event ? event->ppid : -1, event ? event->tid : -1};
                          ::_exit(::write(answers[1], answer, sizeof answer) == sizeof answer ? 0
                                                                                              : 4);
                      }
                      int status = 0;
                      ::waitpid(first, &status, 0);
                      return WEXITSTATUS(status);
                  }},
                  true);
    ASSERT_EQ(outside.next(), 0);
    int answer[5] = {};
    ASSERT_EQ(::read(answers[0], answer, sizeof answer), ssize_t{sizeof answer});
    EXPECT_EQ(answer[0], EXDEV) << "a bare number";
    EXPECT_EQ(answer[1], 0) << "through the library";
    EXPECT_EQ(answer[2], 1) << "pid";
    EXPECT_EQ(answer[3], 0) << "its parent is not visible there";
    EXPECT_EQ(answer[4], 1) << "tid";
    ::close(answers[0]);
    ::close(answers[1]);
}

}  // namespace
}  // namespace brink::live
