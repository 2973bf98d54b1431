// SPDX-License-Identifier: Apache-2.0
// Excursions over a level of this process's open files, with the moment of each crossing written down: the work that
// bench/catch.py shows to brink and to its peers. Each phase is a line of standard input,
//
//   N OPENS HOLD_US SHORTEST_PAUSE_US LONGEST_PAUSE_US [refused]
//
// and means N times: a random pause, OPENS opens from two below the level (with `refused` one more, beyond the limit,
// which the kernel refuses), HOLD_US there, and closes back. Every descriptor is a file of its own: some programs count
// a file once, however often it is open. The answer to a line is `done`; the end of input ends it.
//
// A line of the file of times is one excursion, in nanoseconds of CLOCK_MONOTONIC: before the open that crossed, after
// it, after the last close, and before the refused open (0: none).
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>

#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>

#include "clock.hpp"
#include "descriptor_directory.hpp"
#include "gate.hpp"
#include "options.hpp"
#include "random.hpp"

namespace {

using namespace brink::work;
using brink::bench::monotonic_ns;

constexpr long kMostFiles = 1024;

struct Phase {
    long times = 0;
    long opens = 0;
    std::int64_t hold_us = 0;
    std::int64_t shortest_pause_us = 0;
    std::int64_t longest_pause_us = 0;
    bool refused = false;
};

struct Times {
    std::int64_t before_ns = 0;
    std::int64_t after_ns = 0;
    std::int64_t back_ns = 0;
    std::int64_t refused_ns = 0;
};

void sleep_us(std::int64_t us) {
    const timespec time{us / 1'000'000, us % 1'000'000 * 1000};
    if (us > 0) ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

// Files of its own below a folder, and those of them that are open.
class Files {
  public:
    Files(std::string folder, long most) : folder_(std::move(folder)) {
        for (long i = 0; i < most; ++i) {
            const int fd = ::open(name(i).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
            must(fd >= 0, "a file in the folder of --files");
            ::close(fd);
        }
    }

    bool open_next() {
        const int fd = ::open(name(open_).c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) return false;
        fds_[open_++] = fd;
        return true;
    }
    void close_last() { ::close(fds_[--open_]); }
    long open() const { return open_; }

  private:
    std::string name(long i) const { return folder_ + "/" + std::to_string(i); }

    std::string folder_;
    int fds_[kMostFiles] = {};
    long open_ = 0;
};

// From two below the level, and back there.
Times excursion(Files& files, const Phase& phase) {
    Times times;
    const long start = files.open();
    must(files.open_next(), "open");
    times.before_ns = monotonic_ns();
    must(files.open_next(), "open");
    times.after_ns = monotonic_ns();
    for (long opened = 2; opened < phase.opens; ++opened) must(files.open_next(), "open");
    if (phase.refused) {
        times.refused_ns = monotonic_ns();
        must(!files.open_next() && errno == EMFILE, "the open beyond the limit");
    }
    sleep_us(phase.hold_us);
    while (files.open() > start) files.close_last();
    times.back_ns = monotonic_ns();
    return times;
}

void write_down(int file, const Times& times) {
    char line[128];
    const int length = std::snprintf(line, sizeof line,
                                     "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
                                     times.before_ns, times.after_ns, times.back_ns,
                                     times.refused_ns);
    must(::write(file, line, static_cast<std::size_t>(length)) == length, "the file of times");
}

bool next_phase(Phase& phase) {
    bool ended = false;
    const std::string line = next_line(&ended);
    if (ended && line.empty()) return false;
    char word[16] = "";
    const int fields = std::sscanf(line.c_str(), "%ld %ld %" SCNd64 " %" SCNd64 " %" SCNd64 " %15s",
                                   &phase.times, &phase.opens, &phase.hold_us,
                                   &phase.shortest_pause_us, &phase.longest_pause_us, word);
    phase.refused = std::string(word) == "refused";
    if (fields >= 5 && phase.times >= 0 && phase.opens >= 2 &&
        phase.shortest_pause_us <= phase.longest_pause_us && (fields == 5 || phase.refused))
        return true;
    std::fprintf(stderr, "excursions: not a phase: '%s'; see the top of bench/excursions.cpp\n",
                 line.c_str());
    std::exit(2);
}

std::int64_t pause_us(const Phase& phase, std::uint64_t& random) {
    const auto range = static_cast<std::uint64_t>(phase.longest_pause_us - phase.shortest_pause_us +
                                                  1);
    return phase.shortest_pause_us + static_cast<std::int64_t>(next_random(random) % range);
}

}  // namespace

int main(int argc, char** argv) {
    long limit = 100;
    long level = 80;
    long seed = 1;
    std::string folder;
    std::string times_file;
    Options("excursions", "Excursions over a level of open files, as standard input says.")
        .text("files", "a folder for the files that it opens (required)", &folder)
        .text("times", "where to append the times (required)", &times_file)
        .number("limit", "the limit of open files (100)", &limit)
        .number("level", "the level (80)", &level)
        .number("seed", "of the pauses (1)", &seed)
        .parse(argc, argv);
    if (folder.empty() || times_file.empty() || level < 20 || limit <= level || limit > kMostFiles)
        must((errno = EINVAL, false), "excursions: see --help");
    ::close_range(STDERR_FILENO + 1, ~0U,
                  0);  // what was inherited may have a number beyond the limit
    const int times = ::open(times_file.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
    must(times >= 0, "the file of times");
    Files files(folder, limit + 1);
    const rlimit wanted{static_cast<rlim_t>(limit), static_cast<rlim_t>(limit)};
    must(::setrlimit(RLIMIT_NOFILE, &wanted) == 0, "setrlimit");
    const DescriptorDirectory directory = DescriptorDirectory::open_own();
    const auto below = static_cast<unsigned>(level - 2);
    while (directory.count() < below) must(files.open_next(), "open");
    must(directory.count() == below, "fewer descriptors at the start");

    say("ready " + std::to_string(::getpid()));
    auto random = static_cast<std::uint64_t>(seed);
    for (Phase phase; next_phase(phase); say("done")) {
        for (long i = 0; i < phase.times; ++i) {
            sleep_us(pause_us(phase, random));
            write_down(times, excursion(files, phase));
        }
    }
    must(directory.count() == below, "the count at the end");
    return 0;
}
