// SPDX-License-Identifier: Apache-2.0
#include "expected_events.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace brink::live {
namespace {

constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 56;

// What the random operations on it are refused with because of its limit, and not for another reason; 0: nothing.
int refusal_of(const std::string& resource) {
    if (resource == "nofile") return EMFILE;
    return resource == "as" || resource == "data" ? ENOMEM : 0;
}

std::string shown(const ExpectedEvent& event) {
    std::ostringstream text;
    text << event.type;
    if (!event.direction.empty()) text << " " << event.direction;
    if (!event.level_as.empty()) text << " level " << event.level_as << " (" << event.level << ")";
    text << " usage " << event.least_usage;
    if (event.most_usage != event.least_usage) text << ".." << event.most_usage;
    text << " limit " << event.limit << (event.by_limit ? " by limit" : "") << ", " << event.where;
    return text.str();
}

bool same(const Event& actual, const ExpectedEvent& expected) {
    if (type_of(actual) != expected.type) return false;
    if (expected.type == "exit") return true;
    const std::uint64_t usage = actual.value("usage", ~std::uint64_t{0});
    if (usage < expected.least_usage || usage > expected.most_usage) return false;
    const Event limit = actual.value("limit", Event());
    if (limit.is_null() ? expected.limit < kUnlimited : limit != expected.limit) return false;
    if (expected.type == "limit_changed") return true;
    if (actual.value("level", std::uint64_t{0}) != expected.level ||
        actual.value("level_as", "") != expected.level_as)
        return false;
    if (expected.type == "initial") return true;
    if (actual.value("direction", "") != expected.direction) return false;
    return (actual.value("cause", "") == "limit") == expected.by_limit;
}

// What a change of the limit does, and levels that stand at the same usage.
bool free_order(const ExpectedEvent& one, const ExpectedEvent& other) {
    return one.where == other.where &&
           ((one.by_limit && other.by_limit) || one.level == other.level);
}

}  // namespace

std::string WatchedLevels::spec() const {
    std::string text = resource + "=";
    for (const std::string& level : levels) text += (text.back() == '=' ? "" : ",") + level;
    if (!down) text += ":up";
    if (!up) text += ":down";
    if (!rearm.empty()) text += ":rearm=" + rearm;
    if (!inherit) text += ":no-inherit";
    return text;
}

std::optional<std::uint64_t> level_value(const std::string& level, std::uint64_t limit) {
    if (limit >= kUnlimited && (level.back() == '%' || level.front() == '-')) return std::nullopt;
    // A per cent has three decimal places at most, and is rounded up.
    if (level.back() == '%') {
        const auto thousandths = static_cast<std::uint64_t>(
            std::lround(std::strtod(level.c_str(), nullptr) * 1000));
        return (limit * thousandths + 99'999) / 100'000;
    }
    const auto number = static_cast<std::uint64_t>(std::abs(std::atol(level.c_str())));
    if (level.front() != '-') return number;
    return number < limit ? std::optional<std::uint64_t>(limit - number) : std::nullopt;
}

Oracle::Oracle(WatchedLevels watched, std::uint64_t count, std::uint64_t limit)
    : watched_(std::move(watched)), count_(count), limit_(limit) {
    for (const std::string& level : watched_.levels) {
        Side side{level, false};
        const auto value = level_value(level, limit);
        side.above = value && count >= *value;
        sides_.push_back(side);
    }
}

std::optional<std::uint64_t> Oracle::leave_value(const std::string& level,
                                                 std::uint64_t limit) const {
    return level_value(watched_.rearm.empty() ? level : watched_.rearm, limit);
}

// A dormant level keeps its side.
bool Oracle::side_after(const Side& side, std::uint64_t count, std::uint64_t limit) const {
    const auto enter = level_value(side.level, limit);
    const auto leave = leave_value(side.level, limit);
    if (!enter || !leave) return side.above;
    return side.above ? count >= *leave : count >= *enter;
}

std::vector<Oracle::Side*> Oracle::by_value(bool descending) {
    std::vector<Side*> order;
    for (Side& side : sides_) order.push_back(&side);
    std::stable_sort(order.begin(), order.end(), [&](const Side* a, const Side* b) {
        const std::uint64_t left = level_value(a->level, limit_).value_or(0);
        const std::uint64_t right = level_value(b->level, limit_).value_or(0);
        return descending ? left > right : left < right;
    });
    return order;
}

void Oracle::report(const Side& side, bool up, std::uint64_t from, std::uint64_t to, bool by_limit,
                    const std::string& where) {
    if (up ? !watched_.up : !watched_.down) return;
    ExpectedEvent event;
    event.type = "crossing";
    event.direction = up ? "up" : "down";
    event.level_as = side.level;
    event.level = level_value(side.level, limit_).value_or(0);
    event.least_usage = event.most_usage = to;
    // An operation on several descriptors may be counted one by one or as a whole.
    if (!by_limit && watched_.resource == "nofile") {
        if (up)
            event.least_usage = std::max(event.level, from + 1);
        else
            event.most_usage = std::min(from - 1, leave_value(side.level, limit_).value_or(1) - 1);
    }
    event.limit = limit_;
    event.by_limit = by_limit;
    event.where = where;
    events_.push_back(event);
}

void Oracle::initial(const std::string& where) {
    for (const Side* side : by_value(false)) {
        if (!side->above) continue;
        ExpectedEvent event;
        event.type = "initial";
        event.level_as = side->level;
        event.level = level_value(side->level, limit_).value_or(0);
        event.least_usage = event.most_usage = count_;
        event.limit = limit_;
        event.where = where;
        events_.push_back(event);
    }
}

void Oracle::change_limit(std::uint64_t limit, const std::string& where) {
    limit_ = limit;
    ExpectedEvent changed;
    changed.type = "limit_changed";
    changed.least_usage = changed.most_usage = count_;
    changed.limit = limit;
    changed.where = where;
    events_.push_back(changed);
    for (Side* side : by_value(false)) {
        const bool above = side_after(*side, count_, limit_);
        if (above == side->above) continue;
        side->above = above;
        report(*side, above, count_, count_, true, where);
    }
}

void Oracle::step(std::uint64_t count, std::uint64_t limit, const std::string& where) {
    if (limit != limit_) change_limit(limit, where);
    const std::uint64_t before = count_;
    count_ = count;
    if (count == before) return;
    for (Side* side : by_value(count < before)) {
        const bool above = side_after(*side, count, limit_);
        if (above == side->above) continue;
        side->above = above;
        report(*side, above, before, count, false, where);
    }
}

void Oracle::exit(bool named) {
    for (Side* side : by_value(true)) {
        if (!side->above) continue;
        side->above = false;
        report(*side, false, count_, 0, false, "at exit");
        if (!events_.empty() && events_.back().where == "at exit") events_.back().most_usage = 0;
    }
    if (!named && events_.empty()) return;
    ExpectedEvent event;
    event.type = "exit";
    event.where = "at exit";
    events_.push_back(event);
}

void check_events(const Events& all, const ExpectedEvents& wanted) {
    Events actual;
    for (const Event& event : all)
        if (type_of(event) != "denied" && type_of(event) != "action") actual.push_back(event);
    ExpectedEvents expected = wanted;
    for (std::size_t i = 0; i < expected.size() || i < actual.size(); ++i) {
        if (i >= actual.size()) {
            ADD_FAILURE() << "missing, and " << expected.size() - i - 1
                          << " after it: " << shown(expected[i]);
            return;
        }
        if (i >= expected.size()) {
            ADD_FAILURE() << "too much, and " << actual.size() - i - 1
                          << " after it: " << brief(actual[i]);
            return;
        }
        for (std::size_t k = i + 1; !same(actual[i], expected[i]) && k < expected.size(); ++k) {
            if (!free_order(expected[i], expected[k])) break;
            if (same(actual[i], expected[k])) std::swap(expected[i], expected[k]);
        }
        if (same(actual[i], expected[i])) continue;
        ADD_FAILURE() << "event " << i + 1
                      << " of the subject differs\n  expected: " << shown(expected[i])
                      << "\n  reported: " << brief(actual[i])
                      << "\n  before it: " << (i > 0 ? brief(actual[i - 1]) : "nothing")
                      << "\n  expected next: "
                      << (i + 1 < expected.size() ? shown(expected[i + 1]) : "nothing");
        return;
    }
}

void check_against_log(const Events& events, const work::CountLog& log,
                       const WatchedLevels& watched) {
    ASSERT_GT(log.size(), 0U);
    const work::CountRecord& first = log.at(0);
    Oracle process(watched, 0, first.soft_limit);
    std::vector<const work::CountRecord*> refused;
    const int refusal = refusal_of(watched.resource);
    const std::map<pid_t, Events> of_each = by_pid(events);
    const auto events_of = [&](pid_t pid) {
        const auto found = of_each.find(pid);
        return found == of_each.end() ? Events{} : found->second;
    };
    for (std::uint64_t i = 0; i < log.size(); ++i) {
        const work::CountRecord& record = log.at(i);
        process.step(record.count, record.soft_limit,
                     std::string(record.name) + ", operation " + std::to_string(i));
        // A table that is full, or was filled by the first of the descriptors sent: the kernel refuses the next one
        // inside a call that succeeds.
        const bool received = std::strncmp(record.name, "SCM_RIGHTS_", 11) == 0 &&
                              record.count >= record.soft_limit;
        // mlock(2) of a part that cannot be read answers with ENOMEM, too.
        const bool other = std::strncmp(record.name, "mlock", 5) == 0;
        if (refusal != 0 && ((record.refused_errno == refusal && !other) || received))
            refused.push_back(&record);
        if (record.child_pid == 0 || !watched.rearm.empty()) continue;
        Oracle child(watched, record.child_count, record.soft_limit);
        if (watched.inherit) {
            child.initial("child born in " + std::string(record.name));
            child.exit(false);
        }
        SCOPED_TRACE("child " + std::to_string(record.child_pid) + " of operation " +
                     std::to_string(i));
        check_events(events_of(record.child_pid), child.events());
        if (testing::Test::HasFailure()) return;
    }
    process.exit(true);
    const Events own = events_of(log.header()->pid);
    check_events(own, process.events());

    // Every denial reported is one that happened. (Not the other way round for descriptors: far below the limit none
    // is looked for.)
    std::size_t at = 0;
    const Events all_denied = of_type(own, "denied");
    if (watched.resource != "nofile") {
        EXPECT_EQ(all_denied.size(), refused.size());
    }
    for (const Event& denied : all_denied) {
        EXPECT_EQ(denied.value("errno", 0), refusal) << brief(denied);
        while (at < refused.size() &&
               (refused[at]->count != denied.value("usage", std::uint64_t{0}) ||
                refused[at]->soft_limit != denied.value("limit", std::uint64_t{0})))
            ++at;
        ASSERT_LT(at, refused.size()) << "no such denial in the log: " << brief(denied);
        ++at;
    }
}

}  // namespace brink::live
