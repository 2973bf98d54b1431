// SPDX-License-Identifier: Apache-2.0
#include "screen.hpp"

#include <gtest/gtest.h>

namespace brink::app {
namespace {

std::string keys(std::string_view bytes) {
    constexpr std::string_view kNames[] = {"",     "up",  "down",  "pgup", "pgdn",
                                           "home", "end", "enter", "back", "erase"};
    std::string all;
    const std::size_t taken = parse_keys(bytes, [&](sink::TopScreen::Key key, char text) {
        all += text != 0 ? std::string(1, text)
                         : "<" + std::string(kNames[static_cast<std::size_t>(key)]) + ">";
    });
    return taken == bytes.size() ? all : all + "…" + std::to_string(bytes.size() - taken);
}

TEST(Screen, ReadsKeys) {
    EXPECT_EQ(keys("q"), "q");
    EXPECT_EQ(keys("\x1b[A\x1b[B\x1bOA\x1b[5~\x1b[6~\x1b[H\x1b[F"),
              "<up><down><up><pgup><pgdn><home><end>");
    EXPECT_EQ(keys("/a\x7f\r"), "/a<erase><enter>");
    EXPECT_EQ(keys("\x1b"), "<back>");
    EXPECT_EQ(keys("\x1bq"), "<back>q");
    EXPECT_EQ(keys("\x1b[1;5Ax"), "x") << "nothing of an unknown sequence is text";
    EXPECT_EQ(keys("a\x1b["), "a…2") << "the end comes with the next read";
    EXPECT_EQ(keys("\x1b[5"), "…3");
    EXPECT_EQ(keys(""), "");
}

TEST(Screen, ClearsWhatItWritesOver) {
    EXPECT_EQ(as_screen("a\nb\n"), "\x1b[H\x1b[2Ka\r\n\x1b[Jb");
    EXPECT_EQ(as_screen(""), "\x1b[H\x1b[J");
}

}  // namespace
}  // namespace brink::app
