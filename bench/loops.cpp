// SPDX-License-Identifier: Apache-2.0
// loops: what an operation costs without and with another program beside it, by alternation: A, the
// loop alone; B, the same loop while COMMAND runs; A; B; … Prints one JSON object for each loop, with
// every single figure in nanoseconds per iteration. With one guest instruction to the nanosecond
// (qemu -icount shift=0) these are instructions.
//
//   loops [OPTION...] [-- COMMAND [ARG...]]
//
//   --loops NAME[,NAME...]  open_close, dup_close, fork_exit, null_syscall, mmap_munmap, brk_pair,
//                           page_fault, thread_join, wakeup_pair, fork_exec_exit, connect_accept,
//                           open_close_cold; all unless said, the last one only with --disk
//   --alternations N        7 unless said
//   --milliseconds N        how long one run of a loop is to take; 40 unless said. A figure is the
//                           median of three
//   --descriptors N         open descriptors of this process while the loops run
//   --limit N               its soft limit of them
//   --disk FOLDER           empty, on a disk: for open_close_cold
//   --children N            children that do nothing, born after COMMAND is at work
//   --armed TEXT            COMMAND is at work when it writes this to standard error; else when it
//                           has ended
//   --startup               no loops: the milliseconds from start to TEXT
//
// In COMMAND {self} stands for the process id of this program and {other} for that of a child which
// does nothing. Without COMMAND there is no B, and every run has a process of its own: for what
// cannot be switched off again and holds for new processes only (Linux audit).
#include <getopt.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iterator>
#include <string>
#include <vector>

#include "beside.hpp"
#include "timed_loops.hpp"

namespace brink::bench {
namespace {

constexpr int kFirstRuns = 100;             // iterations that only warm up
constexpr useconds_t kSettle_us = 250'000;  // what an attached program leaves behind is freed late

struct Options {
    std::vector<Loop> loops;
    int alternations = 7;
    std::int64_t milliseconds = 40;
    int descriptors = 0;
    int children = 0;
    rlim_t limit = 0;
    std::string armed;
    bool startup = false;
    std::vector<std::string> command;
};

struct Series {
    Loop loop;
    std::uint64_t iterations = 0;
    std::vector<double> without, with;
};

std::vector<Loop> loops_named(const std::string& names) {
    std::vector<Loop> loops;
    for (const Loop& loop : kLoops)
        if ((names.empty() && (loop.before == nullptr || !cold_folder().empty())) ||
            ("," + names + ",").find("," + std::string(loop.name) + ",") != std::string::npos)
            loops.push_back(loop);
    if (loops.empty()) throw std::runtime_error("no such loop: " + names);
    return loops;
}

Options parse(int argc, char** argv) {
    static const option known[] = {
        {"loops", 1, nullptr, 'l'},        {"alternations", 1, nullptr, 'n'},
        {"milliseconds", 1, nullptr, 'm'}, {"descriptors", 1, nullptr, 'd'},
        {"limit", 1, nullptr, 'L'},        {"armed", 1, nullptr, 'a'},
        {"startup", 0, nullptr, 's'},      {"disk", 1, nullptr, 'D'},
        {"children", 1, nullptr, 'c'},     {}};
    Options options;
    std::string names;
    for (int c = 0; (c = ::getopt_long(argc, argv, "+", known, nullptr)) != -1;) {
        switch (c) {
            case 'l': names = optarg; break;
            case 'n': options.alternations = std::stoi(optarg); break;
            case 'm': options.milliseconds = std::stoll(optarg); break;
            case 'd': options.descriptors = std::stoi(optarg); break;
            case 'L': options.limit = std::stoul(optarg); break;
            case 'a': options.armed = optarg; break;
            case 's': options.startup = true; break;
            case 'D': cold_folder() = optarg; break;
            case 'c': options.children = std::stoi(optarg); break;
            default: throw std::runtime_error("see the top of bench/loops.cpp");
        }
    }
    options.loops = loops_named(names);
    options.command.assign(argv + optind, argv + argc);
    return options;
}

void replace(std::string& word, const std::string& what, pid_t pid) {
    if (const auto at = word.find(what); at != std::string::npos)
        word.replace(at, what.size(), std::to_string(pid));
}

pid_t sleeping_child() {
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child != 0) return child;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) ::pause();
}

// So many of them, while this lives.
class SleepingChildren {
  public:
    explicit SleepingChildren(int n) {
        while (n-- > 0) pids_.push_back(sleeping_child());
    }
    ~SleepingChildren() {
        for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
        for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
    }
    SleepingChildren(const SleepingChildren&) = delete;
    SleepingChildren& operator=(const SleepingChildren&) = delete;

  private:
    std::vector<pid_t> pids_;
};

void set_limit(rlim_t soft) {
    rlimit limit{soft, 0};
    rlimit old{};
    ::getrlimit(RLIMIT_NOFILE, &old);
    limit.rlim_max = std::max(soft, old.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit)) throw std::runtime_error("setrlimit failed");
}

// Takes descriptors until exactly `n` are open; those that are open already have the lowest numbers.
void hold_descriptors(int n) {
    while (true) {
        const int fd = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
        if (fd < 0) throw std::runtime_error("cannot take that many descriptors");
        if (fd < n) continue;
        ::close(fd);
        if (fd > n) throw std::runtime_error("more descriptors are open than --descriptors says");
        return;
    }
}

double run_once(const Series& series) {
    const std::int64_t ns = time_ns(series.loop, series.iterations);
    if (ns < 0) throw std::runtime_error("a loop failed");
    return static_cast<double>(ns) / static_cast<double>(series.iterations);
}

// The middle one of three: what the kernel has put off, such as freeing programs, falls into one.
double run(const Series& series) {
    if (series.loop.before == nullptr && time_ns(series.loop, kFirstRuns) < 0)
        throw std::runtime_error("a loop failed");
    double all[] = {run_once(series), run_once(series), run_once(series)};
    std::sort(std::begin(all), std::end(all));
    return all[1];
}

// The same, in a process of its own.
double run_apart(const Series& series) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC)) throw std::runtime_error("pipe2 failed");
    const pid_t child = ::fork();
    if (child == 0) {
        const double result = run(series);
        ::_exit(::write(ends[1], &result, sizeof result) == sizeof result ? 0 : 1);
    }
    double result = 0;
    const bool complete = ::read(ends[0], &result, sizeof result) == sizeof result;
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    if (!complete) throw std::runtime_error("a run apart failed");
    return result;
}

// How many iterations fill the time, the same number for every run.
Series prepare(const Loop& loop, std::int64_t milliseconds) {
    Series series{loop, kFirstRuns, {}, {}};
    if (loop.iterations > 0) {
        series.iterations = loop.iterations;
        return series;
    }
    const double one = std::max(run(series), 1.0);
    series.iterations = std::max<std::uint64_t>(kFirstRuns,
                                                static_cast<std::uint64_t>(
                                                    static_cast<double>(milliseconds) * 1e6 / one));
    return series;
}

void print(const char* name, const std::vector<double>& values) {
    std::printf(", \"%s\": [", name);
    for (std::size_t i = 0; i < values.size(); ++i) std::printf("%s%.2f", i ? ", " : "", values[i]);
    std::printf("]");
}

void measure(const Options& options, Beside& beside) {
    std::vector<Series> all;
    for (const Loop& loop : options.loops) all.push_back(prepare(loop, options.milliseconds));
    for (int i = 0; i < options.alternations; ++i) {
        {
            const SleepingChildren children(options.children);
            ::usleep(kSettle_us);
            for (Series& series : all)
                series.without.push_back(options.command.empty() ? run_apart(series) : run(series));
        }
        if (options.command.empty()) continue;
        beside.start();
        {
            const SleepingChildren children(options.children);
            ::usleep(kSettle_us);
            for (Series& series : all) series.with.push_back(run(series));
        }
        beside.stop();
    }
    for (const Series& series : all) {
        std::printf("{\"loop\": \"%s\", \"iterations\": %llu", series.loop.name.data(),
                    static_cast<unsigned long long>(series.iterations));
        print("without", series.without);
        print("with", series.with);
        std::printf("}\n");
    }
}

void measure_startup(const Options& options, Beside& beside) {
    std::vector<double> all;
    for (int i = 0; i < options.alternations; ++i) {
        all.push_back(static_cast<double>(beside.start()) / 1e6);
        beside.stop();
        ::usleep(kSettle_us);
    }
    std::printf("{\"loop\": \"startup_ms\"");
    print("with", all);
    std::printf("}\n");
}

void loops(Options options) {
    ::close_range(STDERR_FILENO + 1, ~0U, 0);  // what was inherited would be counted
    const pid_t other = sleeping_child();
    for (std::string& word : options.command) {
        replace(word, "{self}", ::getpid());
        replace(word, "{other}", other);
    }
    if (!cold_folder().empty() && !make_cold_files())
        throw std::runtime_error("no files in " + cold_folder());
    ::close(::open(kOpenedFile, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    Beside beside(options.command, options.armed);
    if (options.limit) set_limit(options.limit);
    if (options.descriptors) hold_descriptors(options.descriptors);
    if (options.startup)
        measure_startup(options, beside);
    else
        measure(options, beside);
    ::unlink(kOpenedFile);
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);
}

}  // namespace
}  // namespace brink::bench

int main(int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], brink::bench::kEndAtOnce) == 0) return 0;
    try {
        brink::bench::loops(brink::bench::parse(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "loops: %s\n", error.what());
        return 1;
    }
}
