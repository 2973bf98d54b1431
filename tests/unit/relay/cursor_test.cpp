// SPDX-License-Identifier: Apache-2.0
#include "relay/cursor.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "../../support/scratch_folder.hpp"

namespace brink::relay {
namespace {

Cursor open(const std::string& path) {
    auto cursor = Cursor::open(path);
    if (!cursor) throw std::runtime_error(cursor.error().message);
    return std::move(*cursor);
}

void damage(const std::string& path, std::streamoff at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.write("torn!", 5);
}

TEST(Cursor, IsEmptyAtFirst) {
    const test::ScratchFolder folder;
    EXPECT_EQ(open(folder / "c").number(), std::nullopt);
    EXPECT_EQ(open(folder / "c").number(), std::nullopt);
}

TEST(Cursor, KnowsWhatWasSavedLast) {
    const test::ScratchFolder folder;
    for (const std::uint64_t number : {1ULL, 2ULL, 900ULL, 0ULL, ~0ULL}) {
        ASSERT_TRUE(open(folder / "c").save(number));
        EXPECT_EQ(open(folder / "c").number(), number);
    }
}

// On a full disk a file that does not grow can still be written.
TEST(Cursor, NeverGrows) {
    const test::ScratchFolder folder;
    Cursor cursor = open(folder / "c");
    const auto size = std::filesystem::file_size(folder / "c");
    for (std::uint64_t number = 1; number < 100; ++number) ASSERT_TRUE(cursor.save(number));
    EXPECT_EQ(std::filesystem::file_size(folder / "c"), size);
}

TEST(Cursor, ATornRecordLeavesTheOneBefore) {
    for (const std::streamoff at : {0, 512}) {
        const test::ScratchFolder folder;
        {
            Cursor cursor = open(folder / "c");
            ASSERT_TRUE(cursor.save(41));
            ASSERT_TRUE(cursor.save(42));
        }
        damage(folder / "c", at);
        EXPECT_EQ(open(folder / "c").number(), at == 0 ? 41U : 42U);
        ASSERT_TRUE(open(folder / "c").save(43));
        EXPECT_EQ(open(folder / "c").number(), 43U);
    }
}

TEST(Cursor, SaysWhatItCannotOpen) {
    const auto cursor = Cursor::open("/no/such/folder/c");
    ASSERT_FALSE(cursor);
    EXPECT_EQ(cursor.error().message, "/no/such/folder/c: No such file or directory");
}

}  // namespace
}  // namespace brink::relay
