// SPDX-License-Identifier: Apache-2.0
// Random sequences of what changes memory and threads: each crossing that the kernel's own number in /proc shows is
// reported once, in order, with that number and the limit, and nothing else is. The seed is in the name of a failing
// test; BRINK_LIVE_SEED is added to it.
#include <gtest/gtest.h>

#include "logged_workload.hpp"

namespace brink::live {
namespace {

struct Sequence {
    const char* name;
    long seed;
    WatchedLevels watched;
    long low, high;  // where the drift turns
    long lowest_limit = 0, highest_limit = 0;
};

std::ostream& operator<<(std::ostream& out, const Sequence& sequence) {
    return out << sequence.watched.spec() << " seed " << sequence.seed;
}

class RandomValues : public testing::TestWithParam<Sequence> {};

TEST_P(RandomValues, EveryCrossingOnceAndInOrder) {
    const Sequence& sequence = GetParam();
    const long seed = seed_from(sequence.seed);
    const long count = operations();
    const LogFile file(static_cast<std::uint64_t>(count) + 1000);
    const LoggedRun run = run_seeded(file, sequence.watched, 1024, "valueops", seed, count,
                                     {"--resource", sequence.watched.resource, "--low",
                                      std::to_string(sequence.low), "--high",
                                      std::to_string(sequence.high), "--lowest-limit",
                                      std::to_string(sequence.lowest_limit), "--highest-limit",
                                      std::to_string(sequence.highest_limit)});
    ASSERT_EQ(run.status, 0);
    const auto crossings = of_type(run.events, "crossing").size();
    EXPECT_GE(crossings, static_cast<std::size_t>(count) / 200) << "too few to mean anything";
    std::printf("seed %ld, %s: %llu operations, %zu crossings\n", seed,
                sequence.watched.spec().c_str(), static_cast<unsigned long long>(file.log().size()),
                crossings);
}

constexpr long kMi = 1 << 20;

WatchedLevels on(const char* resource, std::vector<std::string> levels) {
    WatchedLevels watched;
    watched.resource = resource;
    watched.levels = std::move(levels);
    return watched;
}

WatchedLevels rearmed(WatchedLevels watched, const char* at) {
    watched.rearm = at;
    return watched;
}

INSTANTIATE_TEST_SUITE_P(
    Values, RandomValues,
    testing::Values(Sequence{"as", 201, on("as", {"8388608", "9000000", "50%"}), 7 * kMi, 12 * kMi,
                             14 * kMi, 24 * kMi},
                    Sequence{"data", 202, on("data", {"3000000", "25%", "-8000000"}), 2 * kMi,
                             6 * kMi, 9 * kMi, 16 * kMi},
                    Sequence{"stack", 203, on("stack", {"1500000", "2000000"}), kMi, 3 * kMi},
                    Sequence{"memlock", 204, on("memlock", {"4096", "1048576", "30%"}), kMi / 4,
                             3 * kMi, 4 * kMi, 8 * kMi},
                    Sequence{"maps", 205, on("maps", {"60", "61", "70", "0.1%"}), 40, 90},
                    Sequence{"maps_rearm", 206, rearmed(on("maps", {"70"}), "60"), 56, 76},
                    Sequence{"threads", 207, on("threads", {"3", "10", "11"}), 2, 20}),
    [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace brink::live
