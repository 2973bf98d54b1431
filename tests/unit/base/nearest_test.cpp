// SPDX-License-Identifier: Apache-2.0
#include "base/nearest.hpp"

#include <gtest/gtest.h>

namespace brink {
namespace {

TEST(Nearest, FindsTypingMistakes) {
    EXPECT_EQ(nearest("nofle", {"nproc", "nofile"}), "nofile");
    EXPECT_EQ(nearest("TREM", {"TRAP", "TERM"}), "TERM");  // neighbours swapped: one edit
    EXPECT_EQ(nearest("--ouput", {"--on", "--output"}), "--output");
    EXPECT_EQ(nearest("u", {"up", "down"}), "up");
    EXPECT_EQ(nearest("up", {"up", "down"}), "up");
}

TEST(Nearest, SuggestsNothingThatIsFar) {
    EXPECT_EQ(nearest("xyzzy", {"up", "down"}), "");
    EXPECT_EQ(nearest("", {"down"}), "");
    EXPECT_EQ(nearest(std::string(100'000, 'x'), {"down"}), "");
    EXPECT_EQ(nearest("down", {}), "");
}

TEST(Nearest, TakesTheFirstOfEquals) { EXPECT_EQ(nearest("ab", {"aa", "ac"}), "aa"); }

}  // namespace
}  // namespace brink
