// SPDX-License-Identifier: Apache-2.0
// What the tests of the poll engine have in common: children to watch, and a source that is driven
// until it says something.
#pragma once

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "../../support/child_process.hpp"
#include "engine/poll_source.hpp"
#include "record_reader.hpp"

namespace brink::engine {

using test::ChildProcess;

// What the children of these tests do. 'o' opens a descriptor, 'c' closes the last one, 'l' lowers
// the limit to 64, 'f' forks a child that opens 5 more and stays until the test ends, 'x' exits.
inline void step(char letter) {
    static std::vector<int> open_ones;
    const rlimit lower{64, 64};
    switch (letter) {
        case 'o': open_ones.push_back(::dup(0)); break;
        case 'c':
            ::close(open_ones.back());
            open_ones.pop_back();
            break;
        case 'l': ::setrlimit(RLIMIT_NOFILE, &lower); break;
        case 'f':
            if (::fork() == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (int i = 0; i < 5; ++i) (void)::dup(0);
                for (;;) ::pause();
            }
            break;
        case 'x': ::_exit(0);
        default: break;
    }
}

class Source {
  public:
    explicit Source(std::chrono::milliseconds shortest = std::chrono::milliseconds(2)) {
        auto made = PollSource::create({shortest, std::chrono::milliseconds(10)});
        if (!made) throw std::runtime_error(made.error().message);
        source_ = std::move(*made);
        records_ = std::make_unique<RecordReader>(*source_);
    }

    PollSource& operator*() { return *source_; }
    PollSource* operator->() { return source_.get(); }

    std::uint32_t watch(std::initializer_list<std::uint64_t> levels,
                        std::uint32_t flags = BRINK_WATCH_UP | BRINK_WATCH_DOWN) {
        brink_watch made{};
        for (const std::uint64_t value : levels) made.levels[made.n_levels++].value = value;
        made.flags = flags;
        return source_->add_watch(*find_resource("nofile"), made).value();
    }

    brink_record next(std::chrono::milliseconds patience = std::chrono::seconds(5)) {
        return records_->next(patience);
    }
    std::string next_text() { return records_->next_text(); }

  private:
    std::unique_ptr<PollSource> source_;
    std::unique_ptr<RecordReader> records_;
};

inline std::uint64_t usage_of(const ChildProcess& child) {
    return kernel::Procfs().descriptor_count(child.pid()).value();
}

inline std::string up(std::uint64_t level) {
    return "crossing up " + std::to_string(level) + " @" + std::to_string(level);
}
inline std::string down(std::uint64_t level) {
    return "crossing down " + std::to_string(level) + " @" + std::to_string(level - 1);
}

}  // namespace brink::engine
