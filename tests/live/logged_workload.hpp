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

}  // namespace brink::live
