// SPDX-License-Identifier: Apache-2.0
// brink latency: every sample belongs to its own timer, its parts add up, and what is provoked on purpose shows in the part
// that it belongs to, with the name of who did it.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <functional>
#include <map>
#include <numeric>
#include <vector>

#include "brink_process.hpp"

namespace brink::live {
namespace {

// The kernel of some hosts leaves out programs for whole milliseconds, now and then, and counts no misses; context
// switches in /proc/stat go on meanwhile. What is not known is said, and nothing is invented. In the guests all must be there.
bool on_host() { return engine() == "tracepoint"; }

struct Measured {
    std::vector<Event> lines;    // of standard output
    std::vector<Event> samples;  // of --samples

    Event of_type(const std::string& type) const {
        for (const Event& line : lines)
            if (line.at("type") == type) return line;
        return {};
    }
};

std::vector<Event> parse_lines(const std::string& text) {
    std::vector<Event> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(Event::parse(line));
    return lines;
}

// `when_ready`: what is to be done when it has begun, with its process.
Measured measure(std::vector<std::string> arguments,
                 const std::function<void(pid_t)>& when_ready = {}) {
    const ScratchFolder folder;
    std::vector<std::string> all{brink_path(), "latency",         "-o", "json", "-q",
                                 "--samples",  folder / "samples"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    Child child(std::move(all));
    if (when_ready && child.wait_for_error_line("^brink: latency of ")) when_ready(child.pid());
    EXPECT_EQ(shell_status(child.wait()), 0) << child.err();
    return {parse_lines(child.out()), parse_lines(read_file(folder / "samples"))};
}

// A workload that says "ready", until the object ends.
class Load {
  public:
    explicit Load(std::vector<std::string> arguments) : child_(std::move(arguments)) {
        EXPECT_EQ(child_.take_line(), "ready") << child_.err();
    }
    ~Load() { child_.close_input(); }
    pid_t pid() const { return child_.pid(); }

  private:
    Child child_;
};

constexpr std::size_t kHiccups = 3;

// Of all samples: how much time went into each part, but for the samples where it was the most. An emulated processor
// stands still now and then: that is seen in one sample or two, what a test provokes in dozens.
std::map<std::string, long long> sums(const Measured& measured, std::size_t without = 0) {
    std::map<std::string, std::vector<long long>> parts;
    for (const Event& sample : measured.samples)
        if (sample.contains("parts"))
            for (const auto& [name, ns] : sample.at("parts").items())
                parts[name].push_back(ns.get<long long>());
    std::map<std::string, long long> sums;
    for (auto& [name, values] : parts) {
        std::sort(values.begin(), values.end());
        values.resize(values.size() - std::min(without, values.size()));
        sums[name] = std::accumulate(values.begin(), values.end(), 0LL);
    }
    return sums;
}

// Whether some task of this name ran while the latest samples waited.
bool names_task(const Measured& measured, const std::string& name) {
    for (const Event& line : measured.lines) {
        if (line.at("type") != "late" || !line.contains("ran")) continue;
        for (const Event& ran : line.at("ran"))
            for (const Event& item : ran.at("items"))
                if (item.at("kind") == "task" && item.value("name", "") == name) return true;
    }
    return false;
}

void check_sums(const Measured& measured) {
    for (const Event& sample : measured.samples) {
        EXPECT_EQ(number(sample, "latency_ns"),
                  number(sample, "returned_ns") - number(sample, "expiry_ns"));
        if (!sample.contains("parts")) continue;
        long long sum = 0;
        for (const auto& part : sample.at("parts").items()) sum += part.value().get<long long>();
        EXPECT_EQ(sum, number(sample, "latency_ns"));
    }
    for (const Event& line : measured.lines) {
        if (line.at("type") != "late" || !line.contains("ran")) continue;
        for (const Event& ran : line.at("ran")) {
            long long sum = ran.value("omitted_ns", 0LL);
            for (const Event& item : ran.at("items")) sum += number(item, "ns");
            EXPECT_EQ(sum, number(ran, "ns"));
        }
    }
}

TEST(Latency, EverySampleBelongsToItsTimer) {
    constexpr long long kInterval = 2'000'000;
    const long loops = repeated(500);
    const Measured measured = measure(
        {"-t", "1", "-a", "0", "-p", "80", "-i", "2000", "-l", std::to_string(loops)});
    ASSERT_EQ(measured.samples.size(), static_cast<std::size_t>(loops));
    const Event thread = measured.of_type("thread");
    ASSERT_FALSE(thread.is_null());
    long long last = 0, left_out = 0, known = 0;
    for (const Event& sample : measured.samples) {
        const long long expiry = number(sample, "expiry_ns");
        if (last) {
            EXPECT_GT(expiry, last);
            EXPECT_EQ((expiry - last) % kInterval, 0);
            left_out += (expiry - last) / kInterval - 1;
        }
        last = expiry;
        if (!sample.contains("parts")) continue;
        ++known;
        // No interrupt comes at the very nanosecond: moments of an earlier sample would look like that.
        EXPECT_GT(number(sample.at("parts"), "irq_dispatch"), 0);
    }
    // An overrun behind the last sample is not seen between two.
    EXPECT_GE(number(thread, "overruns"), left_out);
    EXPECT_EQ(number(thread, "unmatched"), loops - known);
    EXPECT_EQ(number(thread.at("latency"), "count"), loops);
    EXPECT_EQ(number(thread.at("parts").at("scheduling"), "count"), known);
    // Linux 7.2 does not start a timer that is due already (hrtimer_start_range_ns_user()): nobody is woken then.
    utsname system{};
    ::uname(&system);
    if (on_host() || std::atoi(system.release) >= 7)
        EXPECT_GT(known, loops * 8 / 10);
    else
        EXPECT_EQ(known, loops);
    check_sums(measured);
}

TEST(Latency, APriorityAboveShowsInScheduling) {
    const std::vector<std::string> arguments{"-t", "1",    "-a", "0",   "-p",      "50",
                                             "-i", "5000", "-l", "100", "--worst", "10"};
    const auto before = sums(measure(arguments), kHiccups);
    const Load hog({work("periodic"), "hog", "0", "90", "20000", "60000"});
    const Measured measured = measure(arguments);
    const auto after = sums(measured, kHiccups);
    const auto grown = [&](const char* part) { return after.at(part) - before.at(part); };
    EXPECT_GT(grown("scheduling"), 0);
    for (const char* other : {"irq_dispatch", "handler", "return_to_user"})
        EXPECT_GT(grown("scheduling"), grown(other)) << other;
    EXPECT_TRUE(names_task(measured, "hog"));
    check_sums(measured);
}

TEST(Latency, InterruptsHeldOffShowInIrqDispatch) {
    const Measured quiet = measure({"-t", "1", "-a", "0", "-p", "80", "-i", "1000", "-l", "400"});
    const Load off({work("irqs_off"), "0", "10000", "2000"});
    const Measured held = measure(
        {"-t", "1", "-a", "0", "-p", "80", "-i", "1000", "-l", "400", "--worst", "10"});
    const auto before = sums(quiet, kHiccups), after = sums(held, kHiccups);
    const auto grown = [&](const char* part) { return after.at(part) - before.at(part); };
    EXPECT_GT(grown("irq_dispatch"), 0);
    for (const char* other : {"handler", "scheduling", "return_to_user"})
        EXPECT_GT(grown("irq_dispatch"), grown(other)) << other;
    EXPECT_TRUE(names_task(held, "irqs_off"));
    check_sums(held);
}

// A cgroup with 5 ms of every 50 ms, of whichever version this machine has, for as long as the object lives.
class Group {
  public:
    Group() {
        if (!v1_) (void)write_file(root_ + "/cgroup.subtree_control", "+cpu");
        if (::mkdir(path_.c_str(), 0755)) return;
        made_ = v1_ ? write_file(path_ + "/cpu.cfs_period_us", "50000") &&
                          write_file(path_ + "/cpu.cfs_quota_us", "5000")
                    : write_file(path_ + "/cpu.max", "5000 50000");
    }
    ~Group() {
        (void)eventually([this] { return ::rmdir(path_.c_str()) == 0 || errno == ENOENT; });
    }
    bool made() const { return made_; }
    bool take(pid_t pid) const { return write_file(path_ + "/cgroup.procs", std::to_string(pid)); }
    bool throttled() const {
        const std::string stat = read_file(path_ + "/cpu.stat");
        const std::size_t at = stat.find("nr_throttled ");
        return at != std::string::npos && std::atol(stat.c_str() + at + 13) > 0;
    }

  private:
    bool v1_ = ::access("/sys/fs/cgroup/cpu", F_OK) == 0;
    std::string root_ = v1_ ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup";
    std::string path_ = root_ + "/brink-latency-" + std::to_string(::getpid());
    bool made_ = false;
};

// Since Linux 6.18 a thread of a group at its quota is stopped on its way back to user space, not before it runs.
TEST(Latency, AGroupAtItsQuotaShowsWhereThreadsAreStopped) {
    const Group group;
    if (!group.made()) GTEST_SKIP() << "no quota can be given here";
    const Load hog({work("periodic"), "hog", "0", "0", "20000", "25000"});
    ASSERT_TRUE(group.take(hog.pid()));
    const Measured measured = measure({"-t", "1", "-a", "0", "-i", "5000", "-l", "200"},
                                      [&group](pid_t pid) { EXPECT_TRUE(group.take(pid)); });
    EXPECT_TRUE(group.throttled());
    const auto parts = sums(measured);
    utsname system{};
    ::uname(&system);
    int major = 0, minor = 0;
    ASSERT_EQ(std::sscanf(system.release, "%d.%d", &major, &minor), 2);
    const std::string stopped = std::pair(major, minor) >= std::pair(6, 18) ? "return_to_user"
                                                                            : "scheduling";
    for (const auto& [part, sum] : parts) {
        if (part != stopped) {
            EXPECT_GT(parts.at(stopped), sum) << part;
        }
    }
    check_sums(measured);
}

// The median of cyclictest's histogram (-h), whose first column is microseconds.
double median_us(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::pair<long, long>> rows;
    long all = 0;
    for (std::string line; std::getline(stream, line);) {
        long us = 0, count = 0;
        if (std::sscanf(line.c_str(), "%ld %ld", &us, &count) != 2 || line[0] == '#') continue;
        rows.emplace_back(us, count);
        all += count;
    }
    long seen = 0;
    for (const auto& [us, count] : rows)
        if ((seen += count) * 2 >= all) return static_cast<double>(us);
    return 0;
}

// On one processor, at one priority, at the same time: what disturbs one disturbs the other. The intervals differ a little,
// so that neither always comes behind the other or behind the tick. What else this machine does can make them differ,
// and is no reason for them to agree: once is enough.
void compare_with_cyclictest(bool* agree) {
    const std::string loops = std::to_string(repeated(5000));
    std::unique_ptr<Child> peer;
    const Measured measured =
        measure({"-t", "1", "-a", "0", "-p", "80", "-i", "2507", "-l", loops, "-m"}, [&](pid_t) {
            peer = std::make_unique<Child>(
                std::vector<std::string>{"/usr/bin/cyclictest", "-t", "1", "-a", "0", "-p", "80",
                                         "-i", "2500", "-l", loops, "-h", "20000", "-q", "-m"});
        });
    ASSERT_TRUE(peer);
    EXPECT_EQ(shell_status(peer->wait()), 0) << peer->err();
    const double theirs = median_us(peer->out());
    const double ours =
        static_cast<double>(number(measured.of_type("total").at("latency"), "p50_ns")) / 1000;
    std::printf("median: cyclictest %.0f us, brink %.1f us\n", theirs, ours);
    ASSERT_GT(theirs, 0);
    *agree = std::abs(ours - theirs) <= theirs / 10;
}

TEST(Latency, AgreesWithCyclictest) {
    if (on_host()) GTEST_SKIP() << "only a guest is quiet";
    if (::access("/usr/bin/cyclictest", X_OK)) GTEST_SKIP() << "there is no cyclictest";
    bool agree = false;
    for (int attempt = 0; attempt < 5 && !agree && !testing::Test::HasFatalFailure(); ++attempt)
        compare_with_cyclictest(&agree);
    EXPECT_TRUE(agree);
}

TEST(Latency, TheEndComesBeforeTheNextTimer) {
    Child child({brink_path(), "latency", "-t", "1", "-i", "1h", "-q"});
    ASSERT_TRUE(child.wait_for_error_line("^brink: latency of "));
    child.signal(SIGTERM);
    EXPECT_EQ(shell_status(child.wait()), 0) << child.err();
}

TEST(Latency, WithoutTheRightOnlyTheSumIsKnown) {
    ChildOptions nobody;
    nobody.uid = 65534;
    Child child({brink_path(), "latency", "-t", "1", "-l", "5", "-o", "json", "-q"}, nobody);
    EXPECT_EQ(shell_status(child.wait()), 0) << child.err();
    EXPECT_NE(child.err().find("the parts are not known, only their sum"), std::string::npos)
        << child.err();
    const std::vector<Event> lines = parse_lines(child.out());
    EXPECT_GE(lines.size(), 2U);
    for (const Event& line : lines) EXPECT_FALSE(line.contains("parts"));
}

}  // namespace
}  // namespace brink::live
