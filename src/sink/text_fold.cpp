// SPDX-License-Identifier: Apache-2.0
// Which lines are folded, and what is said in their place.
#include "sink/text_fold.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/utf8.hpp"

namespace brink::sink {
namespace {

constexpr std::size_t kMostNamed = 16;
constexpr std::size_t kMostNames = 3;
constexpr unsigned kShownFirst = 3;
constexpr std::int64_t kSayEveryNs = 1'000'000'000;

std::string processes(std::uint64_t count) {
    return count == 1 ? "1 process" : fmt::format("{} processes", count);
}

}  // namespace

void Fold::never_fold(std::int32_t pid) {
    if (named_.size() == kMostNamed) named_.erase(named_.begin());
    named_.push_back(pid);
}

bool Fold::refused_before(const Event& event) {
    Refusal refusal{event.resource, event.pid, event.error};
    if (std::find(refusals_.begin(), refusals_.end(), refusal) != refusals_.end()) return true;
    if (refusals_.size() == kMostNamed) refusals_.erase(refusals_.begin());
    refusals_.push_back(std::move(refusal));
    return false;
}

bool Fold::foldable(const Event& event) {
    if (event.type == EventType::denied) return refused_before(event);
    const bool birth_or_exit = event.type == EventType::initial ||
                               (event.type == EventType::exit && event.reason.empty()) ||
                               (event.type == EventType::crossing && event.cause == "exit");
    if (!birth_or_exit || event.evidence) return false;
    if (event.scope != "process" && event.scope != "thread") return false;
    return !event.pid || std::find(named_.begin(), named_.end(), *event.pid) == named_.end();
}

bool Fold::takes(const Event& event) {
    if (!foldable(event)) {
        shown_ = 0;
        return false;
    }
    if (event.time_ns - std::exchange(last_ns_, event.time_ns) >= kSayEveryNs) shown_ = 0;
    if (shown_ < kShownFirst) {
        ++shown_;
        return false;
    }
    count(event);
    return true;
}

void Fold::count(const Event& event) {
    if (!waiting()) since_ns_ = event.time_ns;
    switch (event.type) {
        case EventType::initial:
            // A process above several levels has one event for each, one behind the other.
            if (last_started_ != event.pid || !event.pid) ++started_;
            last_started_ = event.pid;
            break;
        case EventType::exit: ++ended_; break;
        case EventType::denied: ++refused_; break;
        default: ++fallen_; break;
    }
    if (std::find(names_.begin(), names_.end(), event.comm) != names_.end()) return;
    if (names_.size() < kMostNames)
        names_.push_back(event.comm);
    else
        more_names_ = true;
}

bool Fold::due(const Event& event) const {
    return waiting() && event.time_ns - since_ns_ >= kSayEveryNs;
}

std::string Fold::take_summary() {
    std::string said;
    if (started_ > 0) said = fmt::format("{} more began at or above a level", processes(started_));
    if (ended_ > 0)
        said += said.empty() ? fmt::format("{} more ended", processes(ended_))
                             : fmt::format(", {} ended", ended_);
    if (refused_ > 0)
        said += fmt::format("{}{} {} more", said.empty() ? "" : ", ", refused_,
                            refused_ == 1 ? "refusal" : "refusals");
    if (said.empty()) said = "more levels were left on exit";
    std::string names;
    for (const std::string& name : names_)
        names.append(names.empty() ? "" : ", ").append(terminal_safe(name));
    if (more_names_) names += ", others";
    started_ = ended_ = fallen_ = refused_ = 0;
    last_started_.reset();
    names_.clear();
    more_names_ = false;
    return fmt::format("{} ({})", said, names);
}

}  // namespace brink::sink
