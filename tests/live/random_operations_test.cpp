// SPDX-License-Identifier: Apache-2.0
// Random sequences of every kind of descriptor operation: each crossing that the kernel's own count shows is reported
// once, in order, with the right usage and limit, and nothing else is. The seed is in the name of a failing test;
// BRINK_LIVE_SEED replaces the first, and fdops alone replays a sequence.
#include <gtest/gtest.h>

#include "logged_workload.hpp"

namespace brink::live {
namespace {

struct Sequence {
    const char* name;
    long seed;
    WatchedLevels watched;
    unsigned soft_limit;
    unsigned lowest_limit;  // so that no level becomes dormant in the middle
};

std::ostream& operator<<(std::ostream& out, const Sequence& sequence) {
    return out << sequence.watched.spec() << " seed " << sequence.seed;
}

class RandomOperations : public testing::TestWithParam<Sequence> {};

TEST_P(RandomOperations, EveryCrossingOnceAndInOrder) {
    const Sequence& sequence = GetParam();
    const long seed = seed_from(sequence.seed);
    const long count = operations();
    const LogFile file(static_cast<std::uint64_t>(count) * 4 + 1000);
    const LoggedRun run = run_seeded(file, sequence.watched, sequence.soft_limit, "fdops", seed,
                                     count,
                                     {"--lowest-limit", std::to_string(sequence.lowest_limit)});
    ASSERT_EQ(run.status, 0);
    unsigned long done = 0;
    unsigned kinds = 0;
    ASSERT_EQ(std::sscanf(run.out.c_str(), "fdops: %lu operations of %u kinds", &done, &kinds), 2)
        << run.out;
    EXPECT_GE(kinds, count >= 2000 ? 40U : 24U) << run.out;
    EXPECT_GE(done, static_cast<unsigned long>(count)) << run.out;
    std::printf("seed %ld, %s: %s, %zu events\n", seed, sequence.watched.spec().c_str(),
                run.out.substr(0, run.out.find('\n')).c_str(), run.events.size());
}

WatchedLevels levels(std::vector<std::string> list) { return {std::move(list)}; }
WatchedLevels up_only(std::vector<std::string> list) { return {std::move(list), true, false}; }
WatchedLevels down_only(std::vector<std::string> list) { return {std::move(list), false, true}; }
WatchedLevels rearmed(std::vector<std::string> list, const std::string& at) {
    return {std::move(list), true, true, at};
}
WatchedLevels alone(std::vector<std::string> list) {
    return {std::move(list), true, true, "", false};
}

INSTANTIATE_TEST_SUITE_P(
    Levels, RandomOperations,
    testing::Values(Sequence{"absolute", 101, levels({"30", "50", "79"}), 1024, 80},
                    Sequence{"adjacent", 102, levels({"39", "40", "41", "42", "60"}), 1024, 61},
                    Sequence{"percent", 103, levels({"25%", "50%", "60%"}), 128, 20},
                    Sequence{"below_the_limit", 104, levels({"-60", "-50", "-30", "45"}), 100, 61},
                    Sequence{"mixed", 105, levels({"33", "40%", "-20"}), 96, 34},
                    Sequence{"up", 106, up_only({"40", "50%"}), 128, 41},
                    Sequence{"down", 107, down_only({"35", "50%"}), 128, 41},
                    Sequence{"rearm", 108, rearmed({"60", "70"}, "40"), 1024, 71},
                    Sequence{"no_inherit", 109, alone({"30", "50"}), 1024, 51},
                    Sequence{"small_table", 110, levels({"25", "31", "32", "33", "62"}), 64, 63}),
    [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace brink::live
