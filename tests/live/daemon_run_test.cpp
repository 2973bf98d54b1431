// SPDX-License-Identifier: Apache-2.0
// brink run and brink watch of an ordinary user go through brinkd where it answers, and say so.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>

#include "brink_process.hpp"
#include "daemon.hpp"
#include "steps.hpp"

namespace brink::live {
namespace {

class ThroughDaemon : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(daemon_.wait_ready()) << daemon_.child().err();
        ::chmod((folder_ / "").c_str(), 01777);
        for (const std::string& path : {brink_path(), work("puppet")})
            std::filesystem::copy_file(path, folder_ / std::filesystem::path(path).filename());
        brink_ = folder_ / std::filesystem::path(brink_path()).filename().string();
    }
    ChildOptions as_alice() const {
        return {.soft_limit = 100,
                .uid = kAlice,
                .environment = {{"BRINK_SOCKET", daemon_.socket()}}};
    }

    Daemon daemon_;
    ScratchFolder folder_;
    std::string brink_;
};

TEST_F(ThroughDaemon, RunOfAnOrdinaryUserIsExact) {
    Child brink({brink_, "run", "-o", "json", "-w", "nofile=20,80%", "--on", "20=exec:exit 0",
                 "--events", folder_ / "events", "--", folder_ / "puppet"},
                as_alice());
    ASSERT_TRUE(brink.wait_for_error_line("^brink: watching .*engine " + engine() + ".*brinkd"))
        << brink.err();
    ASSERT_FALSE(brink.take_line().empty());
    for (const char* order : {"to 30", "to 10", "to 85", "to 10"}) {
        brink.send(order);
        ASSERT_FALSE(brink.take_line().empty());
        // What /proc says of the process is there as long as that is.
        ASSERT_TRUE(eventually([&] {
            return read_file(folder_ / "events").find("\"crossing\"") != std::string::npos;
        }));
    }
    brink.send("exit 5");
    EXPECT_EQ(shell_status(brink.wait()), 5) << brink.err();
    const std::string text = read_file(folder_ / "events");
    keep_for_schema_check(text);
    const Events events = parse_events(text);
    check_stream(events);
    check_alternation(of_type(events, "crossing"));
    const Events crossings = of_type(events, "crossing");
    ASSERT_EQ(crossings.size(), 6U) << text;
    EXPECT_EQ(crossings[0].value("level_as", ""), "20");
    EXPECT_EQ(crossings[3].value("level_as", ""), "80%");
    EXPECT_EQ(crossings[3].value("usage", 0), 80);
    EXPECT_EQ(crossings[0].value("uid", 0), static_cast<int>(kAlice));
    EXPECT_NE(crossings[0].value("exe", "").find("puppet"), std::string::npos);
    EXPECT_EQ(of_type(events, "exit").size(), 1U);
    EXPECT_EQ(of_type(events, "action").size(), 2U) << text;
}

TEST_F(ThroughDaemon, WatchIsRefusedWhereTheDaemonRefuses) {
    const Puppet roots;
    Child refused({brink_, "watch", "-w", "nofile=20", "--pid", std::to_string(roots.pid())},
                  as_alice());
    EXPECT_EQ(shell_status(refused.wait()), 1) << refused.err();
    EXPECT_NE(refused.err().find(std::to_string(roots.pid())), std::string::npos) << refused.err();
}

TEST_F(ThroughDaemon, WatchEndsWithTheDaemonAndSaysSo) {
    Steps process({become(kAlice, kAlice)});
    ASSERT_EQ(process.next(), 0);
    Child watch({brink_, "watch", "-w", "nofile=20", "--pid", std::to_string(process.pid())},
                as_alice());
    ASSERT_TRUE(watch.wait_for_error_line("^brink: watching .*brinkd")) << watch.err();
    daemon_.child().signal(SIGKILL);
    EXPECT_EQ(shell_status(watch.wait()), 1);
    EXPECT_NE(watch.err().find("brinkd has ended"), std::string::npos) << watch.err();
}

}  // namespace
}  // namespace brink::live
