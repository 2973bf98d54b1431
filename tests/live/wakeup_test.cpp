// SPDX-License-Identifier: Apache-2.0
// Watches on wakeup_latency: a task that is held up by one of a higher priority, which must be named; the threads of
// nobody else.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "brink_process.hpp"

namespace brink::live {
namespace {

constexpr long long kLevel = 1'000'000;

// The workload `periodic`, which says how late it was by its own clock.
class Periodic {
  public:
    Periodic(const std::string& name, int priority, int busy_us, int period_us)
        : child_({work("periodic"), name, "0", std::to_string(priority), std::to_string(busy_us),
                  std::to_string(period_us)}) {
        EXPECT_EQ(child_.take_line(), "ready") << child_.err();
    }
    ~Periodic() { child_.close_input(); }
    pid_t pid() const { return child_.pid(); }
    long long latest_ns() {
        long long latest = 0;
        for (const std::string& line : child_.out_lines())
            if (line.starts_with("late ")) latest = std::max(latest, std::atoll(line.c_str() + 5));
        return latest;
    }

  private:
    Child child_;
};

class Watch {
  public:
    explicit Watch(std::vector<std::string> arguments) {
        std::vector<std::string> all{brink_path(), "watch", "-o",
                                     "json",       "-w",    "wakeup_latency=1ms"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        child_ = std::make_unique<Child>(std::move(all));
        EXPECT_TRUE(child_->wait_for_error_line(BrinkRun::kReady)) << child_->err();
    }
    bool wait_up(pid_t pid, std::size_t times) {
        return eventually([&] { return ups(of_pid(events(), pid)).size() >= times; });
    }
    Events events() { return parse_events(child_->out()); }
    Events end() {
        child_->signal(SIGTERM);
        EXPECT_EQ(shell_status(child_->wait()), 0) << child_->err();
        return events();
    }
    Child& child() { return *child_; }
    static Events ups(const Events& events) {
        Events found;
        for (const Event& event : events)
            if (event.value("direction", "") == "up") found.push_back(event);
        return found;
    }

  private:
    std::unique_ptr<Child> child_;
};

// Up and down in turn, on the right side of the level.
void check_threads(const Events& events) {
    std::map<long long, std::string> last;
    for (const Event& event : events) {
        if (type_of(event) != "crossing") continue;
        const std::string direction = event.at("direction");
        std::string& before = last[number(event, "tid")];
        EXPECT_NE(direction, before) << event.dump();
        before = direction;
        EXPECT_EQ(direction == "up", number(event, "usage") >= kLevel) << event.dump();
        EXPECT_EQ(event.contains("culprit"), direction == "up") << event.dump();
    }
}

bool blames(const Event& event, const std::string& name) {
    const Event& items = event.at("culprit").at("items");
    return !items.empty() && items[0].at("kind") == "task" && items[0].value("name", "") == name;
}

TEST(WakeupLatency, SaysWhoHadTheProcessor) {
    Periodic victim("victim", 50, 0, 2000);
    Watch watch({"--pid", std::to_string(victim.pid())});
    const Periodic hog("hog", 90, 8000, 40000);
    ASSERT_TRUE(watch.wait_up(victim.pid(), 5)) << watch.child().err();
    const Events events = watch.end();
    check_stream(events, "tracepoint");
    check_threads(events);
    const Events ups = Watch::ups(events);
    const auto blamed = std::count_if(ups.begin(), ups.end(),
                                      [](const Event& up) { return blames(up, "hog"); });
    // An emulated processor that stands still makes threads late, too, and nobody is to blame then.
    const std::size_t times = engine() == "kernel" ? 3 : 2;  // the guests' engine
    EXPECT_GT(times * static_cast<std::size_t>(blamed), ups.size());
    for (const Event& event : events) {
        EXPECT_EQ(number(event, "pid"), victim.pid());
        if (!event.contains("culprit")) continue;
        // From waking to running is a part of what the task itself sees.
        EXPECT_LE(number(event, "usage"), victim.latest_ns());
        long long sum = event.at("culprit").value("omitted_ns", 0LL);
        for (const Event& item : event.at("culprit").at("items")) sum += number(item, "ns");
        EXPECT_EQ(sum, number(event, "usage"));
    }
}

// Some hundred ticks of the processor lie between waking and running: more than a record carries.
TEST(WakeupLatency, SaysWhoHadTheProcessorForLong) {
    Periodic victim("victim", 50, 0, 2000);
    Watch watch({"--pid", std::to_string(victim.pid())});
    const Periodic hog("hog", 90, 300'000, 400'000);
    const auto is_long = [](const Event& event) {
        return event.value("direction", "") == "up" && number(event, "usage") > 250'000'000;
    };
    ASSERT_TRUE(eventually([&] {
        const Events events = watch.events();
        return std::count_if(events.begin(), events.end(), is_long) >= 3;
    }));
    std::size_t blamed = 0, all = 0;
    for (const Event& event : watch.end()) {
        if (!is_long(event)) continue;
        ++all;
        blamed += blames(event, "hog") ? 1 : 0;
    }
    EXPECT_GT(2 * blamed, all);
}

TEST(WakeupLatency, EndsWithItsProcess) {
    auto victim = std::make_unique<Periodic>("victim", 50, 0, 2000);
    Watch watch({"--pid", std::to_string(victim->pid())});
    victim.reset();
    EXPECT_EQ(shell_status(watch.child().wait()), 0) << watch.child().err();
    const Events events = watch.events();
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(type_of(events.back()), "exit");
}

TEST(WakeupLatency, OfACommandFromItsFirstProgram) {
    const Periodic hog("hog", 90, 8000, 40000);
    RunOptions options;
    options.watches = {"wakeup_latency=1ms:up"};
    options.engine = "auto";
    BrinkRun run(options, {work("periodic"), "victim", "0", "50", "0", "2000"});
    ASSERT_TRUE(run.wait_for_event([](const Event& event) {
        return event.value("direction", "") == "up" && event.value("comm", "") == "victim";
    }));
    run.child().close_input();
    EXPECT_EQ(run.wait(), 0);
    const Events events = run.events();
    for (const Event& event : events) EXPECT_NE(event.value("direction", ""), "down");
    EXPECT_EQ(type_of(events.back()), "exit");
}

TEST(WakeupLatency, OfRealTimeTasks) {
    Watch watch({"--realtime"});
    Periodic victim("victim", 50, 0, 2000), ordinary("ordinary", 0, 0, 2000);
    const Periodic hog("hog", 90, 8000, 40000);
    ASSERT_TRUE(watch.wait_up(victim.pid(), 3)) << watch.child().err();
    const Events events = watch.end();
    check_threads(events);
    EXPECT_TRUE(of_pid(events, ordinary.pid()).empty());
}

TEST(WakeupLatency, OfACgroupThatComesLater) {
    const std::string name = "brink-wakeup-" + std::to_string(::getpid());
    const bool hybrid = ::access("/sys/fs/cgroup/unified", F_OK) == 0;
    const std::string path = (hybrid ? "/sys/fs/cgroup/unified/" : "/sys/fs/cgroup/") + name;
    if (::mkdir(path.c_str(), 0755) != 0 || ::rmdir(path.c_str()) != 0)
        GTEST_SKIP() << "no cgroup v2 here";
    Watch watch({"--cgroup", "/" + name});
    ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
    ASSERT_EQ(::mkdir((path + "/below").c_str(), 0755), 0);
    {
        Periodic victim("victim", 0, 0, 2000), outside("outside", 0, 0, 2000);
        ASSERT_TRUE(write_file(path + "/below/cgroup.procs", std::to_string(victim.pid())));
        const Periodic hog("hog", 90, 8000, 40000);
        EXPECT_TRUE(watch.wait_up(victim.pid(), 3)) << watch.child().err();
        const Events events = watch.end();
        check_threads(events);
        EXPECT_TRUE(of_pid(events, outside.pid()).empty());
        EXPECT_TRUE(of_pid(events, hog.pid()).empty());
    }
    EXPECT_TRUE(eventually(
        [&] { return ::rmdir((path + "/below").c_str()) == 0 && ::rmdir(path.c_str()) == 0; }));
}

}  // namespace
}  // namespace brink::live
