// SPDX-License-Identifier: Apache-2.0
#include "sink/text_fold.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "sample_events.hpp"
#include "sink/text.hpp"

namespace brink::sink {
namespace {

using testing::HasSubstr;

std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// The events of `count` children that begin above two levels and end at once.
std::vector<Event> short_lived(std::int32_t first_pid, int count, std::int64_t apart_ns = 0) {
    std::vector<Event> events;
    for (int i = 0; i < count; ++i) {
        const std::int32_t pid = first_pid + i;
        const std::string comm = i % 2 == 0 ? "cc1" : "as";
        Event fell = crossing(1, Direction::down, 0);
        fell.cause = "exit";
        fell.pid = pid;
        fell.comm = comm;
        for (Event event :
             {initial(1, pid, comm), initial(1, pid, comm), fell, fell, exited(1, pid, comm)}) {
            event.time_ns += i * apart_ns;
            events.push_back(event);
        }
    }
    return events;
}

std::string render_all(TextRenderer& renderer, const std::vector<Event>& events) {
    std::string text;
    for (const Event& event : events) text += renderer.render(event);
    return text;
}

TEST(Fold, ShowsTheFirstAndCountsTheRest) {
    TextRenderer renderer;
    const std::string text = render_all(renderer, short_lived(100, 50));
    EXPECT_EQ(lines(text), 3U) << text;
    EXPECT_EQ(renderer.flush(),
              "              ⋯ 49 processes more began at or above a level, 50 ended (cc1, as)\n");
    EXPECT_EQ(renderer.flush(), "");
}

TEST(Fold, SaysTheCountBeforeTheNextOtherLine) {
    TextRenderer renderer;
    (void)render_all(renderer, short_lived(100, 5));
    const std::string text = renderer.render(crossing(2, Direction::up, 820));
    EXPECT_EQ(lines(text), 2U);
    EXPECT_THAT(text, HasSubstr("4 processes more began at or above a level, 5 ended (cc1, as)\n"));
    EXPECT_LT(text.find("more began"), text.find("▲"));
    EXPECT_EQ(lines(render_all(renderer, short_lived(200, 1))), 3U);  // anew
}

TEST(Fold, SaysTheCountOnceASecond) {
    TextRenderer renderer;
    const std::string text = render_all(renderer, short_lived(100, 5000, 1'000'000));
    EXPECT_GE(lines(text), 3U + 4U);
    EXPECT_LE(lines(text), 3U + 6U);
}

TEST(Fold, NeverHidesWhoWasNamed) {
    TextRenderer renderer;
    renderer.never_fold(1234);
    (void)render_all(renderer, short_lived(100, 5));
    EXPECT_THAT(renderer.render(exited(9, 1234, "make")), HasSubstr("make[1234]"));
}

TEST(Fold, NeverHidesWhatIsNoRepetition) {
    TextRenderer renderer;
    (void)render_all(renderer, short_lived(100, 5));
    Event credentials = exited(9, 105, "su");
    credentials.reason = "credentials";
    EXPECT_THAT(renderer.render(credentials), HasSubstr("su[105]"));
    (void)render_all(renderer, short_lived(100, 5));
    EXPECT_THAT(renderer.render(crossing(2, Direction::down, 5)), HasSubstr("▼"));
    Event evidence = initial(3, 106, "as");
    evidence.evidence = sample_evidence();
    (void)render_all(renderer, short_lived(100, 5));
    EXPECT_THAT(renderer.render(evidence), HasSubstr("as[106]"));
}

Event denied(std::int32_t pid, std::int64_t after_ns = 0) {
    Event event = crossing(1, Direction::up, 1024);
    event.type = EventType::denied;
    event.direction.reset();
    event.level.reset();
    event.error = EMFILE;
    event.pid = pid;
    event.comm = "leaky";
    event.time_ns += after_ns;
    return event;
}

TEST(Fold, CountsRefusalsInATightLoop) {
    TextRenderer renderer;
    renderer.never_fold(7);
    EXPECT_EQ(lines(render_all(renderer, std::vector<Event>(1000, denied(7)))), 4U);
    // Of another process the first is shown, and before it what was folded is said.
    const std::string other = renderer.render(denied(8));
    EXPECT_THAT(other, HasSubstr("⋯ 996 refusals more (leaky)\n"));
    EXPECT_THAT(other, HasSubstr("leaky[8]"));
    EXPECT_EQ(lines(render_all(renderer, {denied(7), denied(8), denied(7), denied(8)})), 3U);
    EXPECT_THAT(renderer.flush(), HasSubstr("⋯ 1 refusal more (leaky)\n"));
}

TEST(Fold, ShowsWhatComesAfterAPause) {
    TextRenderer renderer;
    (void)render_all(renderer, std::vector<Event>(1000, denied(7)));
    const std::string later = renderer.render(denied(7, 60'000'000'000));
    EXPECT_THAT(later, HasSubstr("996 refusals more"));
    EXPECT_THAT(later, HasSubstr("leaky[7]"));
}

TEST(Fold, BoundsTheNames) {
    TextRenderer renderer;
    for (int i = 0; i < 100'000; ++i)
        (void)renderer.render(exited(1, i + 1, "child" + std::to_string(i)));
    EXPECT_EQ(renderer.flush(), "              ⋯ 99997 processes more ended "
                                "(child3, child4, child5, others)\n");
}

}  // namespace
}  // namespace brink::sink
