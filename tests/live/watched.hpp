// SPDX-License-Identifier: Apache-2.0
// `brink watch -o json`, looking often, and its events by what they say.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "brink_process.hpp"

namespace brink::live {

class Watched {
  public:
    // `whom`: {"--pid", "12"}, {"--all"} …
    Watched(const std::vector<std::string>& whom, const std::vector<std::string>& arguments) {
        std::vector<std::string> all{brink_path(), "watch",           "-o",
                                     "json",       "--poll-interval", "5ms,20ms"};
        all.insert(all.end(), whom.begin(), whom.end());
        all.insert(all.end(), arguments.begin(), arguments.end());
        child_ = std::make_unique<Child>(std::move(all));
    }
    ~Watched() { keep_for_schema_check(child_->out()); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    Child& operator*() { return *child_; }
    [[nodiscard]] bool wait_ready() { return child_->wait_for_error_line("^brink: watching"); }

    // The last event that `wanted` accepts; null if none comes.
    Event wait_for(const std::function<bool(const Event&)>& wanted) {
        Event found;
        (void)eventually([&] {
            for (const Event& event : parse_events(child_->out()))
                if (wanted(event)) found = event;
            return !found.is_null();
        });
        return found;
    }
    // The event of this type for this resource at this level.
    Event wait(const std::string& type, const std::string& resource, std::uint64_t level = 0) {
        return wait_for([&](const Event& event) {
            return event.value("type", "") == type && event.value("resource", "") == resource &&
                   (level == 0 || event.value("level", std::uint64_t{0}) == level);
        });
    }
    Event wait_down(const std::string& resource, std::uint64_t level) {
        return wait_for([&](const Event& event) {
            return event.value("direction", "") == "down" &&
                   event.value("resource", "") == resource &&
                   event.value("level", std::uint64_t{0}) == level;
        });
    }
    void end() {
        child_->signal(SIGTERM);
        EXPECT_EQ(shell_status(child_->wait()), 0) << child_->err();
    }

  private:
    std::unique_ptr<Child> child_;
};

}  // namespace brink::live
