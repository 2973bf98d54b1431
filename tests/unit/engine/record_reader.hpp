// SPDX-License-Identifier: Apache-2.0
// RecordReader: drives a source until it says something.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <deque>
#include <string>

#include "engine/record_source.hpp"

namespace brink::engine {

class RecordReader {
  public:
    /// `source` must outlive it.
    explicit RecordReader(RecordSource& source) : source_(&source) {}

    // The next record; a type of 0 if none comes within five seconds.
    brink_record next(std::chrono::milliseconds patience = std::chrono::seconds(5)) {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (ready_.empty() && std::chrono::steady_clock::now() < deadline) {
            pollfd waiting{source_->fd(), POLLIN, 0};
            ::poll(&waiting, 1, 50);
            if (waiting.revents == 0) continue;
            source_->read([&](const brink_record& record, const brink_stack_record* stack) {
                EXPECT_EQ(stack, nullptr);
                ready_.push_back(record);
                const resource::Subject* subject = source_->subject_of(record.tally);
                subjects_.push_back(subject != nullptr ? subject->name : "");
            });
        }
        if (ready_.empty()) return {};
        const brink_record record = ready_.front();
        ready_.pop_front();
        subject_ = subjects_.front();
        subjects_.pop_front();
        return record;
    }

    // "crossing up 20 @21" and the like.
    std::string next_text() {
        const brink_record record = next();
        static constexpr const char* kTypes[] = {"nothing", "crossing", "initial",
                                                 "denied",  "limit",    "exit",
                                                 "resync",  "stack",    "armed"};
        std::string text = kTypes[record.type];
        if (record.type == BRINK_RECORD_CROSSING)
            text += (record.flags & BRINK_RECORD_UP) != 0 ? " up" : " down";
        if (record.type == BRINK_RECORD_CROSSING || record.type == BRINK_RECORD_INITIAL)
            text += " " + std::to_string(record.level) + " @" + std::to_string(record.usage);
        if (record.cause == BRINK_CAUSE_LIMIT) text += " by limit";
        if (record.cause == BRINK_CAUSE_EXIT) text += " by exit";
        return text;
    }

    /// Whose the last record was, as the source said when it handed it over; "" of a process.
    [[nodiscard]] const std::string& subject() const { return subject_; }

  private:
    RecordSource* source_;
    std::deque<brink_record> ready_;
    std::deque<std::string> subjects_;
    std::string subject_;
};

}  // namespace brink::engine
