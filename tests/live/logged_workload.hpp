// SPDX-License-Identifier: Apache-2.0
// A workload that keeps a count log, run to its end under `brink run`, and the events that came of it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "expected_events.hpp"

namespace brink::live {

class LogFile {
  public:
    explicit LogFile(std::uint64_t capacity)
        : fd_(::memfd_create("count log", MFD_CLOEXEC)),
          log_(work::CountLog::create(fd_, capacity)) {}
    ~LogFile() { ::close(fd_); }
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

    int fd() const { return fd_; }
    const work::CountLog& log() const { return log_; }

  private:
    int fd_;
    work::CountLog log_;
};

struct LoggedRun {
    int status = -1;
    std::string out;
    Events events;
};

// `command` is the workload and its arguments; --log-fd is added.
inline LoggedRun run_logged(const LogFile& file, const WatchedLevels& watched, unsigned soft_limit,
                            std::vector<std::string> command) {
    command.insert(command.end(), {"--log-fd", std::to_string(file.fd())});
    RunOptions options;
    options.watches = {watched.spec()};
    options.child.soft_limit = soft_limit;
    options.child.inherit = {file.fd()};
    BrinkRun run(options, command);
    LoggedRun result;
    EXPECT_TRUE(run.wait_ready()) << run.child().err();
    result.status = run.wait();
    result.out = run.child().out();
    result.events = run.events();
    return result;
}

// A workload that does `count` random things from `seed` on, run under `watched`; `arguments` follow these two numbers.
// What brink said has been held against the log.
inline LoggedRun run_seeded(const LogFile& file, const WatchedLevels& watched, unsigned soft_limit,
                            const std::string& workload, long seed, long count,
                            const std::vector<std::string>& arguments) {
    testing::Test::RecordProperty("seed", std::to_string(seed));
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + watched.spec());
    std::vector<std::string> command{work(workload), std::to_string(seed), std::to_string(count)};
    command.insert(command.end(), arguments.begin(), arguments.end());
    LoggedRun run = run_logged(file, watched, soft_limit, std::move(command));
    EXPECT_EQ(run.status, 0) << run.out;
    if (run.status != 0) return run;
    check_stream(run.events);
    check_against_log(run.events, file.log(), watched);
    return run;
}

// BRINK_LIVE_SEED is added to the seed of a test, BRINK_LIVE_OPERATIONS replaces how much it does.
inline long seed_from(long seed) { return seed + scaled("BRINK_LIVE_SEED", 0); }
inline long operations() { return scaled("BRINK_LIVE_OPERATIONS", 5000); }

}  // namespace brink::live
