// SPDX-License-Identifier: Apache-2.0
#include "engine/source_hub.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <deque>
#include <map>

#include "base/fd.hpp"

namespace brink::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Hands over what the test puts into it, and remembers what it was told.
class FakeSource final : public RecordSource {
  public:
    std::string_view engine() const override { return "fake"; }
    Result<void> set_owner(std::uint32_t, const Owner&) override { return {}; }
    Result<void> set_account(std::uint32_t, const Account&) override { return {}; }
    Result<std::uint32_t> add_watch(const Resource&, const brink_watch&) override {
        return 10 + n_watches++;
    }
    Result<void> bind(std::uint32_t watch, const Target& target) override {
        bound[watch] = target.pid;
        return {};
    }
    void remove_watches(std::span<const std::uint32_t> watches) override {
        removed.insert(removed.end(), watches.begin(), watches.end());
    }
    bool resync(std::uint32_t, std::uint32_t) override { return true; }
    int fd() const override { return fd_.get(); }
    void read(const Reader& reader) override {
        std::uint64_t count = 0;
        (void)!::read(fd_.get(), &count, sizeof count);
        for (const brink_record& record : std::exchange(records, {})) reader(record, nullptr);
    }
    int timeout_ms() const override { return -1; }
    std::uint64_t dropped() const override { return 7; }
    std::uint64_t unwatched() const override { return 3; }

    void put(std::uint32_t watch, std::uint64_t usage, std::uint32_t type = BRINK_RECORD_CROSSING) {
        brink_record record{};
        record.type = type;
        record.watch = watch;
        record.usage = usage;
        records.push_back(record);
        const std::uint64_t one = 1;
        (void)!::write(fd_.get(), &one, sizeof one);
    }

    std::uint32_t n_watches = 0;
    std::map<std::uint32_t, pid_t> bound;
    std::vector<std::uint32_t> removed;
    std::deque<brink_record> records;

  private:
    Fd fd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

using Seen = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

struct SourceHubTest : testing::Test {
    std::unique_ptr<FakeSource> owned = std::make_unique<FakeSource>();
    FakeSource& source = *owned;
    SourceHub hub{std::move(owned)};
    std::unique_ptr<RecordSource> a = std::move(hub.share(true).value());
    std::unique_ptr<RecordSource> b = std::move(hub.share(false).value());

    std::uint32_t add(RecordSource& share) const {
        return share.add_watch(*resources()[0], brink_watch{}).value();
    }
    static Seen read(RecordSource& share) {
        Seen seen;
        share.read([&](const brink_record& record, const brink_stack_record*) {
            seen.emplace_back(record.watch, record.usage);
        });
        return seen;
    }
    static bool readable(const RecordSource& share) {
        pollfd fd{share.fd(), POLLIN, 0};
        return ::poll(&fd, 1, 0) == 1;
    }
};

TEST_F(SourceHubTest, EachShareCountsItsWatchesFromNought) {
    EXPECT_EQ(add(*a), 0U);
    EXPECT_EQ(add(*b), 0U);
    EXPECT_EQ(add(*b), 1U);
    ASSERT_TRUE(b->bind(1, {.pid = 77}));
    EXPECT_EQ(source.bound[12], 77);
}

TEST_F(SourceHubTest, EachGetsItsOwnRecordsWhoeverReads) {
    add(*a);
    add(*b);
    add(*b);
    source.put(10, 1);
    source.put(12, 2);
    source.put(11, 3);
    source.put(10, 4);
    source.put(99, 5);
    EXPECT_TRUE(readable(*a));
    EXPECT_THAT(read(*a), ElementsAre(std::pair(0U, 1U), std::pair(0U, 4U)));
    EXPECT_FALSE(readable(*a));
    EXPECT_TRUE(readable(*b));
    source.put(11, 6);
    EXPECT_THAT(read(*b), ElementsAre(std::pair(1U, 2U), std::pair(0U, 3U), std::pair(0U, 6U)));
    EXPECT_FALSE(readable(*b));
    EXPECT_THAT(read(*b), IsEmpty());
}

TEST_F(SourceHubTest, RemovedWatchesAreSilentAndTheirNumbersFree) {
    add(*a);
    add(*b);
    add(*b);
    source.put(11, 1);
    source.put(12, 2);
    EXPECT_THAT(read(*a), IsEmpty());
    const std::uint32_t first = 0;
    b->remove_watches({&first, 1});
    EXPECT_THAT(source.removed, ElementsAre(11U));
    source.put(11, 3);
    EXPECT_THAT(read(*b), ElementsAre(std::pair(1U, 2U)));
    EXPECT_EQ(add(*b), 0U);
    source.put(13, 4);
    EXPECT_THAT(read(*b), ElementsAre(std::pair(0U, 4U)));
}

TEST_F(SourceHubTest, AShareThatGoesTakesItsWatchesAlong) {
    add(*a);
    add(*b);
    b.reset();
    EXPECT_THAT(source.removed, ElementsAre(11U));
    source.put(11, 3);
    EXPECT_THAT(read(*a), IsEmpty());
}

TEST_F(SourceHubTest, LossesAreOfThoseThatHearThem) {
    add(*a);
    add(*b);
    source.put(0, 5, BRINK_RECORD_LOST);
    EXPECT_THAT(read(*b), IsEmpty());
    EXPECT_THAT(read(*a), ElementsAre(std::pair(0U, 5U)));
    EXPECT_EQ(a->dropped(), 7U);
    EXPECT_EQ(b->dropped(), 0U);
    EXPECT_EQ(a->unwatched(), 3U);
    EXPECT_EQ(b->unwatched(), 0U);
}

TEST_F(SourceHubTest, WhoNeverReadsDoesNotGrowForEver) {
    add(*a);
    add(*b);
    for (int i = 0; i < 70'000; ++i) source.put(11, 1);
    EXPECT_THAT(read(*a), IsEmpty());
    EXPECT_EQ(b->dropped(), 70'000U - 65'536U);
    EXPECT_EQ(read(*b).size(), 65'536U);
}

}  // namespace
}  // namespace brink::engine
