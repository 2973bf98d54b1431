// SPDX-License-Identifier: Apache-2.0
#include "store/history_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>

#include "../../support/scratch_folder.hpp"
#include "sample_entries.hpp"

namespace brink::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct HistoryWriterTest : testing::Test {
    test::ScratchFolder folder;
    HistoryOptions options{.path = folder / "sub/events.db"};

    void make_folder() const { std::filesystem::create_directory(folder / "sub"); }
    void remove_folder() const { std::filesystem::remove_all(folder / "sub"); }
    std::unique_ptr<HistoryWriter> start(std::size_t queue = 4096) const {
        return std::move(HistoryWriter::start(options, queue).value());
    }
    static void append(HistoryWriter& writer, int first, int n) {
        for (int i = first; i < first + n; ++i) writer.append(sample_event(i), sample_line(i));
    }
    static bool notified(const HistoryWriter& writer) {
        pollfd fd{writer.fd(), POLLIN, 0};
        return ::poll(&fd, 1, 0) == 1;
    }
};

TEST_F(HistoryWriterTest, WritesWhatIsAppended) {
    make_folder();
    auto writer = start();
    append(*writer, 0, 3000);
    writer->flush();
    EXPECT_EQ(ask(options.path, "SELECT count(*) FROM events"), 3000);
    EXPECT_EQ(writer->counters().written, 3000U);
    EXPECT_EQ(writer->counters().dropped, 0U);
    EXPECT_FALSE(notified(*writer));
}

// More waits than the history may hold at once.
TEST_F(HistoryWriterTest, ALongQueueGoesIntoASmallHistory) {
    options.max_bytes = 1 << 20;
    auto writer = start();
    for (int i = 0; i < 4096; ++i) writer->append(sample_event(i), sample_line(i, 800));
    writer->flush();
    EXPECT_EQ(writer->counters().waiting, 4096U);
    make_folder();
    writer->append(sample_event(0), sample_line(0));
    writer->flush();
    EXPECT_EQ(writer->counters().written, 4096U);
    EXPECT_EQ(writer->counters().problem, "");
    EXPECT_EQ(ask(options.path, "SELECT max(number) FROM events"), 4097);
    EXPECT_LE(std::filesystem::file_size(options.path), 2U << 20);
}

TEST_F(HistoryWriterTest, WritesTheRestAtItsEnd) {
    make_folder();
    append(*start(), 0, 2000);
    EXPECT_EQ(ask(options.path, "SELECT max(number) FROM events"), 2000);
}

TEST_F(HistoryWriterTest, SaysOnceThatItCannotAndCountsWhatIsMissing) {
    auto writer = start(10);
    append(*writer, 0, 5);
    writer->flush();
    ASSERT_TRUE(notified(*writer));
    EXPECT_THAT(writer->take_notices(), ElementsAre(HasSubstr("cannot be written")));
    append(*writer, 5, 20);
    writer->flush();
    EXPECT_FALSE(notified(*writer));
    EXPECT_THAT(writer->counters().problem, HasSubstr("No such file"));
    EXPECT_EQ(writer->counters().dropped, 15U);
    EXPECT_EQ(writer->counters().waiting, 10U);

    make_folder();
    append(*writer, 25, 1);
    writer->flush();
    EXPECT_THAT(writer->take_notices(), ElementsAre(HasSubstr("missing in it: 16")));
    EXPECT_THAT(writer->counters().problem, IsEmpty());
    // What is missing came before what is there, and is missing in the numbers.
    EXPECT_EQ(ask(options.path, "SELECT count(*) FROM events"), 10);
    EXPECT_EQ(ask(options.path, "SELECT min(number) FROM events"), 17);
    EXPECT_EQ(ask(options.path, "SELECT max(number) FROM events"), 26);
    append(*writer, 26, 1);
    writer->flush();
    EXPECT_EQ(ask(options.path, "SELECT max(number) FROM events"), 27);
}

}  // namespace
}  // namespace brink::store
