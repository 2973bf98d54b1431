// SPDX-License-Identifier: Apache-2.0
// brink latency: every sample belongs to its own timer, its parts add up, and what is provoked on purpose shows in the part
// that it belongs to, with the name of who did it.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <map>

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

Measured measure(std::vector<std::string> arguments, ChildOptions options = {}) {
    const ScratchFolder folder;
    std::vector<std::string> all{brink_path(), "latency",         "-o", "json", "-q",
                                 "--samples",  folder / "samples"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    Child child(std::move(all), std::move(options));
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

  private:
    Child child_;
};

std::string largest_part(const Event& parts) {
    std::string largest;
    for (const auto& [name, ns] : parts.items())
        if (largest.empty() || ns.get<long long>() > parts.at(largest).get<long long>())
            largest = name;
    return largest;
}

// Of all samples: how much time went into each part.
std::map<std::string, long long> sums(const Measured& measured) {
    std::map<std::string, long long> sums;
    for (const Event& sample : measured.samples)
        if (sample.contains("parts"))
            for (const auto& [name, ns] : sample.at("parts").items())
                sums[name] += ns.get<long long>();
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
        known += sample.contains("parts") ? 1 : 0;
    }
    // An overrun behind the last sample is not seen between two.
    EXPECT_GE(number(thread, "overruns"), left_out);
    EXPECT_EQ(number(thread, "unmatched"), loops - known);
    EXPECT_EQ(number(thread.at("latency"), "count"), loops);
    EXPECT_EQ(number(thread.at("parts").at("scheduling"), "count"), known);
    if (on_host())
        EXPECT_GT(known, loops * 8 / 10);
    else
        EXPECT_EQ(known, loops);
    check_sums(measured);
}

TEST(Latency, APriorityAboveShowsInScheduling) {
    const Load hog({work("periodic"), "hog", "0", "90", "6000", "25000"});
    const Measured measured = measure(
        {"-t", "1", "-a", "0", "-p", "50", "-i", "2000", "-l", "200", "--worst", "10"});
    const auto parts = sums(measured);
    EXPECT_GT(parts.at("scheduling"), parts.at("irq_dispatch"));
    EXPECT_GT(parts.at("scheduling"), parts.at("return_to_user"));
    const Event late = measured.of_type("late");
    ASSERT_TRUE(late.contains("parts"));
    EXPECT_EQ(largest_part(late.at("parts")), "scheduling");
    EXPECT_TRUE(names_task(measured, "hog"));
    check_sums(measured);
}

TEST(Latency, InterruptsHeldOffShowInIrqDispatch) {
    const Measured quiet = measure({"-t", "1", "-a", "0", "-p", "80", "-i", "1000", "-l", "200"});
    const Load off({work("irqs_off"), "0", "5000", on_host() ? "96" : "4"});
    const Measured held = measure(
        {"-t", "1", "-a", "0", "-p", "80", "-i", "1000", "-l", "200", "--worst", "10"});
    const auto before = sums(quiet), after = sums(held);
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
        leave();
        (void)eventually([this] { return ::rmdir(path_.c_str()) == 0 || errno == ENOENT; });
    }
    bool made() const { return made_; }
    // This process, and children that it starts then.
    bool enter() const { return write_file(path_ + "/cgroup.procs", std::to_string(::getpid())); }
    bool leave() const { return write_file(root_ + "/cgroup.procs", std::to_string(::getpid())); }
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
    ASSERT_TRUE(group.enter());
    std::unique_ptr<Load> hog = std::make_unique<Load>(
        std::vector<std::string>{work("periodic"), "hog", "0", "0", "20000", "25000"});
    const Measured measured = measure({"-t", "1", "-a", "0", "-i", "5000", "-l", "60"});
    hog.reset();
    ASSERT_TRUE(group.leave());
    EXPECT_TRUE(group.throttled());
    const auto parts = sums(measured);
    const long long stopped = parts.at("scheduling") + parts.at("return_to_user");
    EXPECT_GT(stopped, parts.at("irq_dispatch") + parts.at("handler"));
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

// On one processor, at one priority, at the same time: what disturbs one disturbs the other.
TEST(Latency, AgreesWithCyclictest) {
    if (on_host()) GTEST_SKIP() << "only a guest is quiet";
    if (::access("/usr/bin/cyclictest", X_OK)) GTEST_SKIP() << "there is no cyclictest";
    const std::string loops = std::to_string(repeated(5000));
    Child peer({"/usr/bin/cyclictest", "-t", "1", "-a", "0", "-p", "80", "-i", "2500", "-l", loops,
                "-h", "20000", "-q", "-m"});
    const Measured measured = measure(
        {"-t", "1", "-a", "0", "-p", "80", "-i", "2500", "-l", loops, "-m"});
    EXPECT_EQ(shell_status(peer.wait()), 0) << peer.err();
    const double theirs = median_us(peer.out());
    const double ours =
        static_cast<double>(number(measured.of_type("total").at("latency"), "p50_ns")) / 1000;
    RecordProperty("cyclictest_us", std::to_string(theirs));
    RecordProperty("brink_us", std::to_string(ours));
    std::printf("median: cyclictest %.0f us, brink %.1f us\n", theirs, ours);
    EXPECT_GT(theirs, 0);
    EXPECT_LE(std::abs(ours - theirs), theirs / 10);
}

TEST(Latency, WithoutTheRightOnlyTheSumIsKnown) {
    ChildOptions nobody;
    nobody.uid = 65534;
    Child child({brink_path(), "latency", "-t", "1", "-l", "5", "-o", "json", "-q"}, nobody);
    EXPECT_EQ(shell_status(child.wait()), 0) << child.err();
    EXPECT_NE(child.err().find("the parts are not known, only their sum"), std::string::npos)
        << child.err();
    for (const Event& line : parse_lines(child.out())) EXPECT_FALSE(line.contains("parts"));
}

}  // namespace
}  // namespace brink::live
