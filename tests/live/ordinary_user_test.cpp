// SPDX-License-Identifier: Apache-2.0
// Without privileges: brink works for one's own processes by polling, says so, and refuses what is not one's own.
#include <gtest/gtest.h>

#include <filesystem>

#include "brink_process.hpp"

namespace brink::live {
namespace {

constexpr uid_t kNobody = 65534;

// Copies, because the folder of the build may be closed to others.
class AsNobody : public testing::Test {
  protected:
    void SetUp() override {
        for (const std::string& path : {brink_path(), work("puppet")})
            std::filesystem::copy_file(path, folder_ / std::filesystem::path(path).filename());
        brink_ = folder_ / std::filesystem::path(brink_path()).filename().string();
        puppet_ = folder_ / "puppet";
    }
    std::vector<std::string> run_arguments(const std::vector<std::string>& engine) const {
        std::vector<std::string> arguments = {brink_, "run",       "-o",       "json",
                                              "-w",   "nofile=20", "--events", folder_ / "events"};
        arguments.insert(arguments.end(), engine.begin(), engine.end());
        arguments.insert(arguments.end(), {"--", puppet_});
        return arguments;
    }

    ScratchFolder folder_;
    std::string brink_;
    std::string puppet_;
};

TEST_F(AsNobody, PollsAndSaysSo) {
    Child brink(run_arguments({}), {.soft_limit = 100, .uid = kNobody});
    ASSERT_TRUE(brink.wait_for_error_line(R"(^brink: watching .*\bengine poll\b)")) << brink.err();
    EXPECT_NE(brink.err().find("miss"), std::string::npos) << "what may be missed: " << brink.err();
    ASSERT_FALSE(brink.take_line().empty());
    const auto seen = [&](const char* direction) {
        for (const Event& event : parse_events(read_file(folder_ / "events")))
            if (event.value("direction", "") == direction) return true;
        return false;
    };
    brink.send("to 30");
    ASSERT_FALSE(brink.take_line().empty());
    EXPECT_TRUE(eventually([&] { return seen("up"); }));
    brink.send("to 10");
    ASSERT_FALSE(brink.take_line().empty());
    EXPECT_TRUE(eventually([&] { return seen("down"); }));
    brink.send("exit 5");
    EXPECT_EQ(shell_status(brink.wait()), 5);
    const std::string text = read_file(folder_ / "events");
    keep_for_schema_check(text);
    check_stream(parse_events(text), "poll");
    check_alternation(parse_events(text));
}

TEST_F(AsNobody, ABetterEngineIsRefusedWithTheReason) {
    for (const char* wanted : {"kernel", "tracepoint"}) {
        Child brink(run_arguments({"--engine", wanted}), {.soft_limit = 100, .uid = kNobody});
        brink.close_input();
        EXPECT_EQ(shell_status(brink.wait()), 125) << brink.err();
        EXPECT_NE(brink.err().find(wanted), std::string::npos) << brink.err();
    }
}

TEST_F(AsNobody, AnotherUsersProcessIsRefused) {
    const Puppet roots;
    Child brink({brink_, "watch", "-w", "nofile=20", "--pid", std::to_string(roots.pid())},
                {.uid = kNobody});
    EXPECT_EQ(shell_status(brink.wait()), 1) << brink.err();
    EXPECT_NE(brink.err().find(std::to_string(roots.pid())), std::string::npos) << brink.err();
}

}  // namespace
}  // namespace brink::live
