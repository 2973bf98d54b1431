// SPDX-License-Identifier: Apache-2.0
// Forecasts: of each subject and resource in a history how fast usage grows, and when it will have reached the limit.
#pragma once

#include <map>
#include <string>

#include "brink/event.hpp"
#include "options.hpp"
#include "sink/text_paint.hpp"
#include "store/time_to_limit.hpp"

namespace brink::app {

class Forecasts {
  public:
    /// In the order of the history.
    void add(const Event& event);

    /// A line for each, those that reach their limit soonest first.
    [[nodiscard]] std::string text(const sink::TextStyle& style) const;
    [[nodiscard]] std::string json() const;

  private:
    struct Subject {
        Event last;  // the newest with a usage
        store::TimeToLimit usage;
    };
    struct Line {
        const Subject* subject;
        store::Forecast forecast;
    };
    [[nodiscard]] std::vector<Line> lines() const;

    std::map<std::string, Subject> subjects_;
};

}  // namespace brink::app
