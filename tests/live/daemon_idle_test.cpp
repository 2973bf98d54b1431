// SPDX-License-Identifier: Apache-2.0
// brinkd at rest: with its history on and thousands of watched processes it is not woken once, and stays small.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "daemon.hpp"

namespace brink::live {
namespace {

long pss_kib(pid_t pid) {
    std::istringstream rollup(read_file("/proc/" + std::to_string(pid) + "/smaps_rollup"));
    for (std::string line; std::getline(rollup, line);)
        if (line.starts_with("Pss:")) return std::atol(line.c_str() + 4);
    return -1;
}

TEST(DaemonIdle, NotWokenAndSmall) {
    const std::string processes = std::to_string(scaled("BRINK_LIVE_IDLE_DAEMON_PROCESSES", 10'000));
    Daemon daemon("[[rule]]\nname = \"many\"\ncommand = [\"" + work("forker") + "\", \"" +
                  processes + "\", \"--gate\"]\nwatch = \"nofile=500\"\n");
    // The forker waits at its gate for a line; its input is that of brinkd, as its output.
    ASSERT_TRUE(daemon.wait_for_line("runs as process"));
    daemon.child().take_line();
    daemon.child().take_line();
    daemon.child().send("go");
    ASSERT_NE(daemon.child().take_line().find(processes + " alive"), std::string::npos);
    const pid_t pid = daemon.child().pid();
    ASSERT_TRUE(eventually([&] {
        const std::uint64_t before = context_switches(pid);
        std::this_thread::sleep_for(std::chrono::seconds(1));
        return context_switches(pid) == before;
    })) << "brinkd does not come to rest";
    const std::uint64_t before = context_switches(pid);
    std::this_thread::sleep_for(std::chrono::seconds(scaled("BRINK_LIVE_IDLE_S", 60)));
    EXPECT_EQ(context_switches(pid), before) << "brinkd was woken";
    const long pss = pss_kib(pid);
    RecordProperty("pss_kib", std::to_string(pss));
    std::printf("PSS of brinkd with %s watched processes: %ld KiB\n", processes.c_str(), pss);
    EXPECT_GT(pss, 0);
    EXPECT_LE(pss, 6 * 1024);
    daemon.child().close_input();
}

}  // namespace
}  // namespace brink::live
