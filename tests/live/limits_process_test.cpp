// SPDX-License-Identifier: Apache-2.0
// brink limits against the kernel's own refusals: with the limit set to the usage that brink says one unit more is
// refused, and with the limit one unit higher it is not. So the usage is exact.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "actor.hpp"
#include "machine.hpp"

namespace brink::live {
namespace {

std::uint64_t usage_of(const std::string& resource, const Actor& actor) {
    const auto row = row_of(resource, "pid", actor.pid());
    EXPECT_TRUE(row) << "no row of " << resource;
    return row ? row->value("usage", std::uint64_t{0}) : 0;
}

struct Refused {
    const char* resource;
    int rlimit;
    Deed deed;
    std::uint64_t step;
    int error;
    bool as_stranger;  // root is not held to this limit
};

class AtTheLimit : public testing::TestWithParam<Refused> {};

TEST_P(AtTheLimit, UsageIsWhereTheKernelRefuses) {
    const Refused& how = GetParam();
    const Actor actor(how.as_stranger ? become_stranger : [] {});
    const auto which = static_cast<std::uint64_t>(how.rlimit);
    ASSERT_EQ(actor(how.deed), 0);  // with what a first time brings besides
    const std::uint64_t before = usage_of(how.resource, actor);
    ASSERT_EQ(actor(Deed::set_limit, which, before), 0);
    EXPECT_EQ(actor(how.deed), how.error) << before;
    ASSERT_EQ(actor(Deed::set_limit, which, before + how.step), 0);
    EXPECT_EQ(actor(how.deed), 0) << before;
    const auto row = row_of(how.resource, "pid", actor.pid());
    ASSERT_TRUE(row);
    EXPECT_EQ(row->value("usage", std::uint64_t{0}), before + how.step);
    EXPECT_EQ(row->value("limit", std::uint64_t{0}), before + how.step);
    EXPECT_EQ(row->value("headroom", std::int64_t{-1}), 0);
    EXPECT_EQ(row->value("percent", 0.0), 100.0);
    EXPECT_EQ(actor(how.deed), how.error);
}

INSTANTIATE_TEST_SUITE_P(
    Limits, AtTheLimit,
    testing::Values(Refused{"nofile", RLIMIT_NOFILE, Deed::duplicate, 1, EMFILE, false},
                    Refused{"as", RLIMIT_AS, Deed::reserve, 4096, ENOMEM, false},
                    Refused{"data", RLIMIT_DATA, Deed::map, 4096, ENOMEM, false},
                    Refused{"memlock", RLIMIT_MEMLOCK, Deed::lock, 4096, ENOMEM, true}),
    [](const auto& instance) { return std::string(instance.param.resource); });

TEST(LimitsOfProcesses, CountWhatWasDone) {
    const Actor actor;
    const std::uint64_t maps = usage_of("maps", actor);
    const std::uint64_t threads = usage_of("threads", actor);
    EXPECT_EQ(threads, 1U);
    for (int i = 0; i < 17; ++i) ASSERT_EQ(actor(Deed::map_apart), 0);
    EXPECT_EQ(usage_of("maps", actor), maps + 17);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(actor(Deed::start_thread), 0);
    EXPECT_EQ(usage_of("threads", actor), 4U);
}

TEST(LimitsOfProcesses, MemoryWithinItsTolerance) {
    const Actor actor;
    constexpr std::uint64_t kPages = 4096;
    constexpr std::uint64_t kTolerance = std::uint64_t{3} * 64 *
                                         4096;  // of files, of the heap, and swapped out
    ASSERT_EQ(actor(Deed::touch, 256), 0);
    const std::uint64_t before = usage_of("rss", actor);
    ASSERT_EQ(actor(Deed::touch, kPages), 0);
    const std::uint64_t grown = usage_of("rss", actor) - before;
    EXPECT_GE(grown + kTolerance, kPages * 4096);
    EXPECT_LE(grown, kPages * 4096 + kTolerance);
}

TEST(LimitsOfProcesses, Stack) {
    const Actor actor;
    const std::uint64_t before = usage_of("stack", actor);
    ASSERT_EQ(actor(Deed::grow_stack, 2 << 20), 0);
    const std::uint64_t after = usage_of("stack", actor);
    EXPECT_GE(after, std::uint64_t{2} << 20);
    EXPECT_LE(after, before + (2 << 20) + 4096);
}

// The kernel says itself when a second is used up.
TEST(LimitsOfProcesses, CpuTimeWhenTheKernelActs) {
    const Actor actor;
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_CPU, 1), 0);
    ASSERT_EQ(actor(Deed::burn), 0);
    const auto row = row_of("cpu", "pid", actor.pid());
    ASSERT_TRUE(row);
    EXPECT_GE(row->value("usage", std::int64_t{0}), 1'000'000'000);
    EXPECT_LE(row->value("usage", std::int64_t{0}), 1'050'000'000);
    EXPECT_EQ(row->value("limit", std::uint64_t{0}), 2'000'000'000U)
        << "it is raised with each signal";
}

// Every process that has memory is there, and no other.
TEST(LimitsOfProcesses, NoKernelThreadsAndNoZombies) {
    const pid_t zombie = ::fork();
    if (zombie == 0) ::_exit(0);
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(zombie), &ended, WEXITED | WNOWAIT), 0);
    for (const char* resource : {"cpu", "threads", "nofile", "as"}) {
        bool own = false;
        for (const nlohmann::json& row : limits_of(resource)) {
            const int pid = row.value("pid", 0);
            own |= pid == ::getpid();
            if (pid == 0) continue;
            EXPECT_NE(pid, zombie) << resource;
            const std::string status = read_file("/proc/" + std::to_string(pid) + "/status");
            EXPECT_TRUE(status.empty() || status.find("VmSize:") != std::string::npos ||
                        status.find("State:\tZ") != std::string::npos)
                << resource << " of " << row.value("comm", "");
        }
        EXPECT_TRUE(own) << resource;
    }
    ::waitpid(zombie, nullptr, 0);
}

}  // namespace
}  // namespace brink::live
