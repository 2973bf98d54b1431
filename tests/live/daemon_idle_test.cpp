// SPDX-License-Identifier: Apache-2.0
// brinkd at rest: with its history on and thousands of watched processes it is not woken once, and stays small.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "rule_daemon.hpp"

namespace brink::live {
namespace {

struct Pss {
    long own = 0;   // KiB
    long maps = 0;  // of the kernel, mapped: tallies and records, sized by max_subjects
};

Pss pss_of(pid_t pid) {
    std::istringstream smaps(read_file("/proc/" + std::to_string(pid) + "/smaps"));
    Pss pss;
    bool is_map = false;
    for (std::string line; std::getline(smaps, line);) {
        if (line.find("-") < line.find(" ")) is_map = line.find("bpf-map") != std::string::npos;
        if (line.starts_with("Pss:")) (is_map ? pss.maps : pss.own) += std::atol(line.c_str() + 4);
    }
    return pss;
}

TEST(DaemonIdle, NotWokenAndSmall) {
    const std::string processes = std::to_string(
        scaled("BRINK_LIVE_IDLE_DAEMON_PROCESSES", 10'000));
    RuleDaemon daemon("[[rule]]\nname = \"many\"\ncommand = [\"" + work("forker") + "\", \"" +
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
    const Pss pss = pss_of(pid);
    std::printf("brinkd with %s watched processes: PSS %ld KiB, and %ld KiB of kernel maps\n",
                processes.c_str(), pss.own, pss.maps);
    EXPECT_GT(pss.own, 0);
    EXPECT_LE(pss.own, scaled("BRINK_LIVE_PSS_KIB", 6000));
    daemon.child().close_input();
}

}  // namespace
}  // namespace brink::live
