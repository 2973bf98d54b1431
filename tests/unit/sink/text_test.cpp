// SPDX-License-Identifier: Apache-2.0
#include "sink/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <ctime>

#include "sample_events.hpp"

namespace brink::sink {
namespace {

using testing::HasSubstr;
using testing::Not;

class Text : public testing::Test {
  protected:
    Text() {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
    TextRenderer plain_;
};

TEST_F(Text, OneAlignedLineForACrossing) {
    EXPECT_EQ(plain_.render(crossing(1, Direction::up, 820)),
              "09:29:59.123  ▲ nofile 80%      820 of 1024   204 left  leaky[1234]\n");
    EXPECT_EQ(plain_.render(crossing(2, Direction::down, 81)),
              "09:29:59.123  ▼ nofile 80%       81 of 1024   943 left  leaky[1234]\n");
}

TEST_F(Text, EveryTypeHasItsLine) {
    std::string all;
    for (const Event& event : sample_events()) all += plain_.render(event);
    all += plain_.flush();
    EXPECT_EQ(all, R"(09:29:59.123  ▲ nofile 80%      820 of 1024   204 left  leaky[1234]
09:29:59.123  ● nofile 80%      820 of 1024   204 left  worker[1240]  from the start
09:29:59.123  ✗ nofile EMFILE  1024 of 1024     0 left  leaky[1234]  refused
09:29:59.123  ◆ nofile limit    820 of 1024   204 left  leaky[1234]  was 512
09:29:59.123  ◆ nofile limit    820, no limit           leaky[1234]  was unlimited
09:29:59.123  ▼ nofile 80%      820 of 4096  3276 left  leaky[1234]  the limit changed
09:29:59.123  ○ nofile exit                             worker[1240]
09:29:59.123  ○ nofile exit                             leaky[1234]  watched no longer: credentials
09:29:59.123  ! 17 records were lost; resync says where things stand
09:29:59.123  ↻ nofile resync   820 of 1024   204 left  leaky[1234]  counted anew
09:29:59.123  → evidence done  leaky[1234]: what is open in leaky[1234]
              │ 205 = 148 socket + 41 file + 15 pipe + 1 other
              │   148  socket  tcp CLOSE-WAIT 10.0.0.7:41822 -> 10.0.0.9:8080
              │    38  file    /var/lib/leaky/data.db
              │    15  pipe
              │     3  file    /dev/null
              │     1  others
              │ at  leak_a_socket  leaky.cpp:42
              │     main+0x100     leaky
              │     ?              libc.so.6+0x271ca
              │     ?              0xdeadbeef
09:29:59.123  ▲ wakeup_latency 80%      300us of 1.02us   298us over  leaky[1234]
              cpu 1: hog[77] 200us, self 99us
09:29:59.123  ▲ nofile         80%        820 of 1024       204 left  leaky[1234]
              │ not available: the process is another user's
)");
}

TEST_F(Text, NamesAnotherThreadAndABrokenLimit) {
    Event event = crossing(1, Direction::up, 1030);
    event.tid = 1240;
    EXPECT_THAT(plain_.render(event),
                HasSubstr("1030 of 1024     6 over  leaky[1234] thread 1240"));
    event.pid = event.tid = {};
    EXPECT_THAT(plain_.render(event), HasSubstr("over  leaky\n"));
}

TEST_F(Text, NamesSubjectsThatAreNoProcess) {
    std::string all;
    for (const Event& event : shared_events()) all += TextRenderer{}.render(event);
    EXPECT_EQ(
        all,
        R"(09:29:59.123  ▲ nproc 80%      820 of 1024   204 left  user 1000 in user:[4026532201]
09:29:59.123  ▲ pids 80%      820 of 1024   204 left  cgroup /system.slice/leaky.service
09:29:59.123  ▲ pids 80%      820 of 1024   204 left  cgroup /system.slice/leaky.service by leaky[1234]
09:29:59.123  ▲ accept_queue 80%      820 of 1024   204 left  tcp 0.0.0.0:80 of leaky[1234]
09:29:59.123  ▲ inodes 80%      820 of 1024   204 left  /home
09:29:59.123  ▲ file_nr 80%      820 of 1024   204 left  the system
09:29:59.123  ✗ memory oom_kill   820 of 1024   204 left  cgroup /system.slice/leaky.service  refused 3 times
)");
}

TEST_F(Text, UsesTheUnit) {
    Event event = crossing(1, Direction::up, 3ULL << 29);
    event.limit = 2ULL << 30;
    event.unit = "By";
    EXPECT_THAT(plain_.render(event), HasSubstr("1.5G of 2G    512M left"));
}

TEST_F(Text, AsciiWhereTheTerminalIsNotUtf8) {
    TextRenderer ascii({.colour = false, .unicode = false, .width = 0});
    std::string all;
    for (const Event& event : sample_events()) all += ascii.render(event);
    for (const char c : all) ASSERT_GE(c, 0) << all;
    EXPECT_THAT(all, HasSubstr("09:29:59.123  ^ nofile 80%"));
}

TEST_F(Text, ColoursAreBalancedAndChangeNothingElse) {
    TextRenderer coloured({.colour = true, .unicode = true, .width = 0});
    for (const Event& event : sample_events()) {
        std::string text = coloured.render(event);
        EXPECT_THAT(text, HasSubstr("\x1b["));
        std::size_t open = 0;
        for (std::size_t at; (at = text.find("\x1b[")) != std::string::npos;) {
            const std::size_t end = text.find('m', at);
            open = text.substr(at, end + 1 - at) == "\x1b[0m" ? open - 1 : open + 1;
            ASSERT_LE(open, 1U);
            text.erase(at, end + 1 - at);
        }
        EXPECT_EQ(open, 0U);
        EXPECT_EQ(text, plain_.render(event));
    }
}

TEST_F(Text, CutsTargetsToTheWidth) {
    TextRenderer narrow({.colour = false, .unicode = true, .width = 60});
    Event event = crossing(1, Direction::up, 820);
    event.evidence = sample_evidence();
    const std::string text = narrow.render(event);
    EXPECT_THAT(text, HasSubstr("148  socket  tcp CLOSE-WAIT 10.0.0.7:4182…\n"));
    EXPECT_THAT(text, HasSubstr("/var/lib/leaky/data.db\n"));
}

TEST_F(Text, IsSafeForTerminals) {
    Event event = crossing(1, Direction::up, 820);
    event.comm = "\x1b[2Jx\n\xff";
    event.evidence = sample_evidence();
    event.evidence->items[0].target = "\x1b]0;title\x07";
    const std::string text = plain_.render(event);
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, HasSubstr("\\x1b[2Jx\\n\xef\xbf\xbd[1234]"));
}

TEST_F(Text, BoundsTheEvidence) {
    Event event = crossing(1, Direction::up, 820);
    event.evidence = Evidence{};
    event.evidence->total = 5000;
    for (int i = 0; i < 5000; ++i)
        event.evidence->items.push_back({"file", "/tmp/" + std::to_string(i), 1});
    event.evidence->stack.resize(127);
    const std::string text = plain_.render(event);
    EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 30);
    EXPECT_THAT(text, HasSubstr("5000 = 5000 file\n"));
    EXPECT_THAT(text, HasSubstr("4992  others\n"));
    EXPECT_THAT(text, HasSubstr("and 115 frames more\n"));
}

RC_GTEST_PROP(TextProperty, AnyBytesGiveWholeSafeLines, (std::string a, std::string b)) {
    Event event = crossing(1, Direction::up, 820);
    event.comm = a;
    event.level_as = b;
    event.resource = a;
    event.evidence = sample_evidence();
    event.evidence->items[0] = {a, b, 3};
    event.evidence->stack[0].function = a;
    event.evidence->stack[0].source = b;
    event.evidence->unavailable = b;
    TextRenderer renderer({.colour = false, .unicode = true, .width = 70});
    const std::string text = renderer.render(event);
    RC_ASSERT(text.ends_with('\n'));
    for (const char c : text)
        RC_ASSERT((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\n');
}

}  // namespace
}  // namespace brink::sink
