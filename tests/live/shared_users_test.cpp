// SPDX-License-Identifier: Apache-2.0
// What is counted for a user, at every change: random operations of a user whom nobody else is, against the number that
// the kernel shows or the refusals that it gives. Only engine `kernel` has hooks for it.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "actor.hpp"
#include "expected_events.hpp"
#include "work/random.hpp"

namespace brink::live {
namespace {

constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};
constexpr std::uint64_t kPage = 4096;
// What mqueue_get_inode() in ipc/mqueue.c counts for a queue of 4 messages of 1000 bytes.
constexpr std::uint64_t kQueue = 4 * (48 + 1000) + 4 * 48;

struct Family {
    const char* resource;
    Deed up, down;
    std::uint64_t a, b;   // of `up`
    std::uint64_t unit;   // what one of them counts
    std::uint64_t first;  // what is counted of a user who does nothing
    int refused;          // errno
    int rlimit;           // RLIMIT_…, or -1
    const char* sysctl;   // where there is no rlimit
    bool alone;           // its limit may be raised: there is one process only
    std::vector<std::string> levels;
};

// The first word of SigQ in /proc/PID/status is the number for the user of the process: proc_pid_status(5).
std::uint64_t queued_signals(pid_t pid) {
    std::istringstream status(read_file("/proc/" + std::to_string(pid) + "/status"));
    for (std::string line; std::getline(status, line);)
        if (line.rfind("SigQ:", 0) == 0) return std::stoull(line.substr(5));
    return kUnlimited;
}

class UserCounts : public testing::TestWithParam<Family> {
  protected:
    void SetUp() override {
        if (engine() != "kernel")
            GTEST_SKIP() << "engine " << engine() << " has no hooks for users";
    }
    WatchedLevels levels() const {
        WatchedLevels watched;
        watched.levels = GetParam().levels;
        watched.resource = GetParam().resource;
        return watched;
    }
    RunOptions watching() const {
        RunOptions options;
        options.watches = {levels().spec()};
        return options;
    }
};

// One user, driven at random.
class Driven {
  public:
    explicit Driven(const Family& family, std::uint64_t limit, std::uint64_t seed)
        : family_(family), limit_(limit), random_(seed * 0x2545f4914f6cdd1d + 1) {}

    std::uint64_t below(std::uint64_t bound) { return work::next_random(random_) % bound; }
    std::uint64_t usage() const { return family_.first + held_ * family_.unit; }

    void grow(const Actor& actor) {
        const std::int64_t answer = actor(family_.up, family_.a, family_.b);
        const bool full = usage() + family_.unit > limit_;
        ASSERT_EQ(answer, full ? family_.refused : 0)
            << "with " << usage() << " of " << limit_
            << ": the test does not count as the kernel does";
        if (full)
            refusals.push_back({usage(), limit_});
        else
            ++held_;
    }
    void shrink(const Actor& actor) {
        if (held_ == 0) return;
        ASSERT_EQ(actor(family_.down), 0);
        --held_;
    }
    void change_limit(const Actor& actor) {
        const std::uint64_t next = family_.first + family_.unit * (4 + below(20));
        if (!family_.alone && next >= limit_) return;
        if (family_.rlimit >= 0)
            ASSERT_EQ(actor(Deed::set_limit, static_cast<std::uint64_t>(family_.rlimit), next), 0);
        else
            ASSERT_TRUE(
                write_file(std::string("/proc/sys/") + family_.sysctl, std::to_string(next)));
        limit_ = next;
    }
    std::uint64_t limit() const { return limit_; }
    std::uint64_t held() const { return held_; }

    struct Refusal {
        std::uint64_t usage, limit;
    };
    std::vector<Refusal> refusals;

  private:
    const Family& family_;
    std::uint64_t limit_;
    std::uint64_t held_ = 0;
    std::uint64_t random_;
};

TEST_P(UserCounts, AreExactInRandomOperations) {
    const Family& family = GetParam();
    const ScratchFolder folder;
    const std::uint64_t limit = family.first + 12 * family.unit;
    std::unique_ptr<SysctlForNow> sysctl;
    if (family.sysctl)
        sysctl = std::make_unique<SysctlForNow>(family.sysctl, std::to_string(limit));
    BrinkWatch watch(static_cast<pid_t>(kStranger), watching(), "--user");
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    Oracle oracle(levels(), 0, limit);
    Driven driven(family, limit, 7);
    {
        const Actor actor([&] {
            if (::chdir((folder / "").c_str()) != 0) ::_exit(1);
            rlimit own{limit, limit * 100};
            if (family.rlimit >= 0)
                ::setrlimit(static_cast<__rlimit_resource>(family.rlimit), &own);
            become_stranger();
        });
        if (std::string(family.resource) == "inotify_watches") {
            ASSERT_EQ(actor(Deed::new_inotify), 0);
        }
        oracle.step(driven.usage(), limit, "begin");
        bool rising = true;
        for (int i = 0; i < 5000 && !HasFatalFailure(); ++i) {
            const std::uint64_t dice = driven.below(100);
            if (dice < 2)
                driven.change_limit(actor);
            else if ((dice < 70) == rising)
                driven.grow(actor);
            else
                driven.shrink(actor);
            if (driven.refusals.size() > 3 && driven.usage() == driven.limit()) rising = false;
            if (driven.usage() + 2 * family.unit > driven.limit() && driven.below(4) == 0)
                rising = false;
            if (driven.held() == 0) rising = true;
            oracle.step(driven.usage(), driven.limit(), "operation " + std::to_string(i));
            if (std::string(family.resource) == "sigpending") {
                ASSERT_EQ(queued_signals(actor.pid()), driven.usage());
            }
        }
        while (driven.held() > 0 && !HasFatalFailure()) {
            driven.shrink(actor);
            oracle.step(driven.usage(), driven.limit(), "at the end");
        }
    }
    ASSERT_FALSE(HasFatalFailure());
    oracle.step(0, driven.limit(), "its end");
    oracle.exit(false);
    ASSERT_TRUE(watch.wait_for_event([](const Event& event) { return type_of(event) == "exit"; }));
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    const Events events = watch.events();
    check_stream(events);
    for (const Event& event : events) {
        EXPECT_EQ(event.value("scope", ""), "user");
        ASSERT_EQ(event.value("uid", 0U), kStranger) << brief(event);
    }
    check_events(events, oracle.events());
    const Events denied = of_type(events, "denied");
    EXPECT_GT(driven.refusals.size(), 3U);
    ASSERT_EQ(denied.size(), driven.refusals.size());
    for (std::size_t i = 0; i < denied.size(); ++i) {
        EXPECT_EQ(denied[i].value("errno", 0), family.refused) << brief(denied[i]);
        EXPECT_EQ(denied[i].value("usage", kUnlimited), driven.refusals[i].usage);
        EXPECT_EQ(denied[i].value("limit", kUnlimited), driven.refusals[i].limit);
    }
}

INSTANTIATE_TEST_SUITE_P(Of, UserCounts,
                         testing::Values(Family{"nproc",
                                                Deed::start_process,
                                                Deed::end_process,
                                                0,
                                                0,
                                                1,
                                                1,
                                                EAGAIN,
                                                RLIMIT_NPROC,
                                                nullptr,
                                                false,
                                                {"4", "6", "80%", "-1"}},
                                         Family{"sigpending",
                                                Deed::queue_signal,
                                                Deed::take_signal,
                                                0,
                                                0,
                                                1,
                                                0,
                                                EAGAIN,
                                                RLIMIT_SIGPENDING,
                                                nullptr,
                                                true,
                                                {"3", "50%", "80%", "-2"}},
                                         Family{"msgqueue",
                                                Deed::open_queue,
                                                Deed::close_queue,
                                                4,
                                                1000,
                                                kQueue,
                                                0,
                                                EMFILE,
                                                RLIMIT_MSGQUEUE,
                                                nullptr,
                                                true,
                                                {"10000", "50%", "90%"}},
                                         Family{"memlock_user",
                                                Deed::lock_shared,
                                                Deed::unlock_shared,
                                                kPage,
                                                0,
                                                kPage,
                                                0,
                                                ENOMEM,
                                                RLIMIT_MEMLOCK,
                                                nullptr,
                                                true,
                                                {"12288", "50%", "90%"}},
                                         Family{"inotify_instances",
                                                Deed::new_inotify,
                                                Deed::close_inotify,
                                                0,
                                                0,
                                                1,
                                                0,
                                                EMFILE,
                                                -1,
                                                "fs/inotify/max_user_instances",
                                                true,
                                                {"3", "50%", "80%", "-2"}},
                                         Family{"inotify_watches",
                                                Deed::watch_folder,
                                                Deed::unwatch,
                                                0,
                                                0,
                                                1,
                                                0,
                                                ENOSPC,
                                                -1,
                                                "fs/inotify/max_user_watches",
                                                true,
                                                {"3", "50%", "80%", "-2"}}),
                         [](const auto& parameter) { return parameter.param.resource; });

class UserSubjects : public testing::Test {
  protected:
    void SetUp() override {
        if (engine() != "kernel")
            GTEST_SKIP() << "engine " << engine() << " has no hooks for users";
    }
};

// Counted for itself in its user namespace, and for who made that.
TEST_F(UserSubjects, UserNamespacesAreToldApart) {
    RunOptions options;
    options.watches = {"inotify_instances=2"};
    BrinkWatch watch(static_cast<pid_t>(kStranger), options, "--user");
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    const Actor actor(become_stranger);
    ASSERT_EQ(actor(Deed::new_inotify), 0);
    ASSERT_EQ(actor(Deed::new_user_namespace), 0);
    ASSERT_EQ(actor(Deed::new_inotify), 0);
    ASSERT_EQ(actor(Deed::new_inotify), 0);
    const auto in_namespace = [](bool another) {
        return [another](const Event& event) {
            return type_of(event) == "crossing" && event.contains("user_namespace") == another;
        };
    };
    EXPECT_TRUE(watch.wait_for_event(in_namespace(false)));
    EXPECT_TRUE(watch.wait_for_event(in_namespace(true)));
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    const Events crossings = of_type(watch.events(), "crossing");
    ASSERT_EQ(crossings.size(), 2U);
    // The third instance is the second in the namespace; the maker has three by then.
    EXPECT_EQ(crossings[0].value("usage", 0), 2);
    EXPECT_FALSE(crossings[0].contains("user_namespace"));
    EXPECT_EQ(crossings[1].value("usage", 0), 2);
}

// Who is there already when the watch begins; and another user is none of its business.
TEST_F(UserSubjects, WhoIsThereAlready) {
    const Actor actor(become_stranger);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(actor(Deed::new_inotify), 0);
    RunOptions options;
    options.watches = {"inotify_instances=3"};
    BrinkWatch watch(static_cast<pid_t>(kStranger), options, "--user");
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    ASSERT_TRUE(
        watch.wait_for_event([](const Event& event) { return type_of(event) == "initial"; }));
    const Actor other;
    for (int i = 0; i < 4; ++i) ASSERT_EQ(other(Deed::new_inotify), 0);
    ASSERT_EQ(actor(Deed::close_inotify), 0);
    ASSERT_TRUE(
        watch.wait_for_event([](const Event& event) { return type_of(event) == "crossing"; }));
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    const Events events = watch.events();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].value("pid", 0), actor.pid());
    EXPECT_EQ(events[1].value("uid", 0U), kStranger);
}

}  // namespace
}  // namespace brink::live
