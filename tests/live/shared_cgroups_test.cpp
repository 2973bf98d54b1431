// SPDX-License-Identifier: Apache-2.0
// What is counted for cgroups, at every change, against pids.current, memory.current and the refusals of the kernel. Only
// engine `kernel` has hooks for it; cgroup v2.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "actor.hpp"
#include "expected_events.hpp"
#include "work/random.hpp"

namespace brink::live {
namespace {

constexpr const char* kRoot = "/sys/fs/cgroup";

// A cgroup for the life of the object, with the controllers pids and memory.
class CgroupForNow {
  public:
    explicit CgroupForNow(const std::string& path) : path_(path) {
        const std::string parent = kRoot + path.substr(0, path.rfind('/'));
        enabled_ = write_file(parent + "/cgroup.subtree_control", "+pids +memory") &&
                   ::mkdir((kRoot + path).c_str(), 0755) == 0;
    }
    ~CgroupForNow() { remove(); }
    CgroupForNow(const CgroupForNow&) = delete;
    CgroupForNow& operator=(const CgroupForNow&) = delete;

    bool enabled() const { return enabled_; }
    const std::string& path() const { return path_; }
    std::string file(const std::string& name) const { return kRoot + path_ + "/" + name; }
    std::uint64_t number(const std::string& name) const {
        return std::stoull("0" + read_file(file(name)));
    }
    bool set(const std::string& name, std::uint64_t value) const {
        return write_file(file(name), std::to_string(value));
    }
    // To be called before fork: what an Actor does first.
    std::function<void()> enter() const {
        return [procs = file("cgroup.procs")] {
            if (!write_file(procs, "0")) ::_exit(1);
        };
    }
    // Whoever was in it is being released still.
    bool remove() {
        return eventually([&] { return ::rmdir((kRoot + path_).c_str()) == 0 || errno == ENOENT; });
    }

  private:
    std::string path_;
    bool enabled_ = false;
};

class Cgroups : public testing::Test {
  protected:
    void SetUp() override {
        if (engine() != "kernel")
            GTEST_SKIP() << "engine " << engine() << " has no hooks for cgroups";
        if (read_file(std::string(kRoot) + "/cgroup.controllers").find("pids") == std::string::npos)
            GTEST_SKIP() << "no cgroup v2 with the controller pids";
    }
    static Events of_cgroup(const Events& events, const std::string& path) {
        Events found;
        for (const Event& event : events)
            if (event.value("cgroup", "") == path) found.push_back(event);
        return found;
    }
    static WatchedLevels levels(const std::string& resource, std::vector<std::string> levels) {
        WatchedLevels watched;
        watched.levels = std::move(levels);
        watched.resource = resource;
        return watched;
    }
};

// Two cgroups, one in the other, each against its own limit; the inner one comes when the watch is set already, and goes.
TEST_F(Cgroups, PidsAreExactInRandomOperations) {
    const CgroupForNow outer("/brink-live");
    ASSERT_TRUE(outer.enabled());
    ASSERT_TRUE(outer.set("pids.max", 40));
    const WatchedLevels watched = levels("pids", {"3", "6", "80%", "-2"});
    RunOptions options;
    options.watches = {watched.spec()};
    BrinkWatch watch({"--cgroup", outer.path()}, options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    Oracle above(watched, 0, 40);
    std::uint64_t limit = 12;
    Oracle below(watched, 0, ~std::uint64_t{0});
    std::uint64_t refused = 0;
    const std::string inner_path = "/brink-live/inner";
    {
        CgroupForNow inner(inner_path);
        ASSERT_TRUE(inner.enabled());
        ASSERT_TRUE(inner.set("pids.max", limit));
        below.step(0, limit, "pids.max");
        const Actor actor(inner.enter());
        std::uint64_t held = 1;
        std::uint64_t random = 4711;
        bool rising = true;
        const auto step = [&](const std::string& where) {
            ASSERT_EQ(inner.number("pids.current"), held) << where;
            below.step(held, limit, where);
            above.step(held, 40, where);
        };
        step("begin");
        for (int i = 0; i < 5000 && !HasFatalFailure(); ++i) {
            const std::uint64_t dice = work::next_random(random) % 100;
            if (dice < 2) {
                limit = 4 + work::next_random(random) % 20;
                ASSERT_TRUE(inner.set("pids.max", limit));
            } else if ((dice < 70) == rising) {
                const std::int64_t answer = actor(Deed::start_process);
                ASSERT_EQ(answer, held >= limit ? EAGAIN : 0);
                if (answer == 0) ++held;
                if (answer != 0) ++refused;
                if (held >= limit && work::next_random(random) % 3 == 0) rising = false;
            } else if (held > 1) {
                ASSERT_EQ(actor(Deed::end_process), 0);
                --held;
            } else {
                rising = true;
            }
            step("operation " + std::to_string(i));
        }
        while (held > 1 && !HasFatalFailure()) {
            ASSERT_EQ(actor(Deed::end_process), 0);
            --held;
            step("at the end");
        }
    }
    ASSERT_FALSE(HasFatalFailure());
    below.step(0, limit, "its end");
    above.step(0, 40, "its end");
    below.exit(false);
    ASSERT_TRUE(watch.wait_for_event([&](const Event& event) {
        return type_of(event) == "exit" && event.value("cgroup", "") == inner_path;
    }));
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    const Events events = watch.events();
    check_stream(events);
    check_events(of_cgroup(events, inner_path), below.events());
    check_events(of_cgroup(events, outer.path()), above.events());
    EXPECT_EQ(of_type(events, "denied").size(), refused);
    for (const Event& denied : of_type(events, "denied")) {
        EXPECT_EQ(denied.value("errno", 0), EAGAIN);
        EXPECT_EQ(denied.value("cgroup", ""), inner_path);
        EXPECT_GE(denied.value("usage", 0), denied.value("limit", 1)) << brief(denied);
    }
}

// A process that moves is counted where it comes to, and no longer where it was.
TEST_F(Cgroups, ProcessesThatMove) {
    const CgroupForNow one("/brink-one");
    const CgroupForNow other("/brink-other");
    ASSERT_TRUE(one.enabled() && other.enabled());
    RunOptions options;
    options.watches = {"pids=1"};
    BrinkWatch watch({"--all"}, options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    {
        const Actor actor(one.enter());
        ASSERT_TRUE(write_file(other.file("cgroup.procs"), std::to_string(actor.pid())));
        ASSERT_EQ(other.number("pids.current"), 1U);
    }
    ASSERT_TRUE(watch.wait_for_event([&](const Event& event) {
        return event.value("cgroup", "") == other.path() && event.value("direction", "") == "down";
    }));
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    const Events events = watch.events();
    for (const CgroupForNow* cgroup : {&one, &other}) {
        const Events crossings = of_type(of_cgroup(events, cgroup->path()), "crossing");
        ASSERT_EQ(crossings.size(), 2U) << cgroup->path();
        EXPECT_EQ(crossings[0].value("direction", ""), "up");
        EXPECT_EQ(crossings[1].value("direction", ""), "down");
    }
}

// The kernel charges 64 pages a processor in advance: within that, a level is crossed when memory.current passes it.
TEST_F(Cgroups, Memory) {
    const CgroupForNow cgroup("/brink-memory");
    ASSERT_TRUE(cgroup.enabled());
    const std::uint64_t megabyte = 1U << 20;
    const auto tolerance = static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN)) * 64 * 4096;
    ASSERT_TRUE(cgroup.set("memory.max", 64 * megabyte));
    RunOptions options;
    options.watches = {"memory=8M,50%", "memory_high=90%"};
    BrinkWatch watch({"--cgroup", cgroup.path()}, options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    {
        const Actor actor(cgroup.enter());
        for (int i = 0; i < 40; ++i) ASSERT_EQ(actor(Deed::touch, megabyte / 4096), 0);
        EXPECT_GT(cgroup.number("memory.current") + tolerance, 40 * megabyte);
        // Relative levels follow at once: 32M is 40 % of this.
        ASSERT_TRUE(cgroup.set("memory.max", 80 * megabyte));
        ASSERT_TRUE(cgroup.set("memory.high", 44 * megabyte));
        ASSERT_TRUE(watch.wait_for_event([](const Event& event) {
            return event.value("resource", "") == "memory_high" && type_of(event) == "crossing";
        }));
    }
    ASSERT_TRUE(watch.wait_for_event([](const Event& event) {
        return event.value("level_as", "") == "8M" && event.value("direction", "") == "down";
    }));
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    const Events events = watch.events();
    Events memory, high;
    for (const Event& event : events)
        (event.value("resource", "") == "memory" ? memory : high).push_back(event);
    check_alternation(memory);
    check_alternation(high);
    const Events changed = of_type(memory, "limit_changed");
    ASSERT_EQ(changed.size(), 1U);
    EXPECT_EQ(changed[0].value("limit", std::uint64_t{0}), 80 * megabyte);
    for (const Event& event : of_type(memory, "crossing")) {
        if (event.contains("cause")) continue;
        const auto usage = event.value("usage", std::uint64_t{0});
        const auto level = event.value("level", std::uint64_t{0});
        // A megabyte is touched at once; who ends gives back up to 512 pages at once (mmu_gather).
        const std::uint64_t step = event.value("direction", "") == "up" ? megabyte : 2 * megabyte;
        EXPECT_LE(usage > level ? usage - level : level - usage, tolerance + step) << brief(event);
    }
}

}  // namespace
}  // namespace brink::live
