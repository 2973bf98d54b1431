// SPDX-License-Identifier: Apache-2.0
// The screen of brink top as a string, and what keys do to it.
#include "sink/top.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace brink::sink {
namespace {

using Key = TopScreen::Key;
using resource::Row;
using resource::Survey;

Row process(const char* resource, int pid, std::uint64_t usage, std::uint64_t limit) {
    Row row;
    row.resource = find_resource(resource);
    row.reading = {.usage = usage, .limit = limit};
    row.subject.pid = pid;
    return row;
}

// Nearest first, as read_survey() gives it.
Survey sample() {
    Survey survey;
    survey.rows = {process("nofile", 2, 90, 100), process("memlock", 2, 60, 100),
                   process("nofile", 3, 50, 100), process("nofile", 1, 10, 100)};
    Row swap;
    swap.resource = find_resource("swap");
    swap.reading = {.usage = 1, .limit = 100};
    swap.subject.name = "the system";
    survey.rows.push_back(swap);
    return survey;
}

void name(Row& row) {
    if (!row.subject.pid) return;
    row.subject.comm = std::string(1, static_cast<char>('a' + *row.subject.pid));
    row.subject.name = row.subject.comm + "[" + std::to_string(*row.subject.pid) + "]";
}

void type(TopScreen& screen, std::string_view text) {
    for (const char c : text) screen.press(Key::text, c);
}

// The lines between the headline and the keys.
std::vector<std::string> body(TopScreen& screen, std::size_t height = 24) {
    std::istringstream text(screen.render({}, height));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    lines.pop_back();
    lines.erase(lines.begin(), lines.begin() + 2);
    return lines;
}

class Top : public testing::Test {
  protected:
    Top() { screen_.show(sample(), name); }
    TopScreen screen_;
};

TEST_F(Top, ShowsEverySubjectOnceNearestFirst) {
    EXPECT_EQ(screen_.render({}, 24),
              "4 subjects, nearest to their limit first\n"
              "  RESOURCE  USAGE  LIMIT  HEADROOM     %  ENGINE  SUBJECT\n"
              "> nofile       90    100        10  90.0  poll    c[2]  memlock 60%\n"
              "  nofile       50    100        50  50.0  poll    d[3]\n"
              "  nofile       10    100        90  10.0  poll    b[1]\n"
              "  swap         1B   100B       99B   1.0  poll    the system\n"
              "q quit  s order  / filter  Enter details  Esc back  arrows, Page Up, Page Down, "
              "Home, End move\n");
}

TEST_F(Top, ScrollsWithTheSelection) {
    for (int i = 0; i < 3; ++i) screen_.press(Key::down);
    const auto lines = body(screen_, 5);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0].substr(0, 8), "  nofile");
    EXPECT_EQ(lines[1].substr(0, 6), "> swap");
    screen_.press(Key::down);
    EXPECT_EQ(body(screen_, 5), lines) << "at the end";
    screen_.press(Key::home);
    EXPECT_EQ(body(screen_, 5)[0].substr(0, 8), "> nofile");
    screen_.press(Key::page_down);
    EXPECT_EQ(body(screen_, 5)[1].substr(0, 2), "> ");
    screen_.press(Key::end);
    screen_.press(Key::page_up);
    screen_.press(Key::up);
    EXPECT_NE(screen_.render({}, 24).find("> nofile       90"), std::string::npos);
    EXPECT_EQ(screen_.render({.colour = false, .unicode = true, .width = 20}, 1).find("more"),
              std::string::npos);
}

TEST_F(Top, TheSelectionStaysWithItsSubject) {
    screen_.press(Key::down);  // process 3
    Survey later = sample();
    std::swap(later.rows[0], later.rows[2]);
    screen_.show(later, name);
    EXPECT_EQ(body(screen_)[0].substr(0, 8), "> nofile");
    later.rows.erase(later.rows.begin());
    screen_.show(later, name);
    EXPECT_EQ(body(screen_).size(), 3U);
    EXPECT_EQ(body(screen_)[0].substr(0, 1), ">") << "it is gone: what stands in its place";
    screen_.show(Survey{}, name);
    EXPECT_TRUE(body(screen_).empty());
    for (const Key key :
         {Key::up, Key::down, Key::page_up, Key::end, Key::enter, Key::erase, Key::back})
        screen_.press(key);
    EXPECT_FALSE(screen_.detail_pid());
}

TEST_F(Top, FiltersByNameAndResource) {
    type(screen_, "/\u00e9");
    EXPECT_TRUE(body(screen_).empty());
    screen_.press(Key::erase);
    EXPECT_EQ(body(screen_).size(), 4U) << "a character, not a byte";
    screen_.press(Key::back);
    type(screen_, "/d[");
    EXPECT_EQ(body(screen_).size(), 1U);
    EXPECT_NE(screen_.render({}, 24).find(
                  "4 subjects, nearest to their limit first; 1 with \"d[_\""),
              std::string::npos);
    screen_.press(Key::erase);
    screen_.press(Key::erase);
    type(screen_, "memlo");
    screen_.press(Key::enter);
    ASSERT_EQ(body(screen_).size(), 1U) << "by what is not its nearest";
    EXPECT_FALSE(screen_.detail_pid()) << "Enter has ended the filter";
    type(screen_, "qs");  // keys again
    EXPECT_TRUE(screen_.done());
    screen_.press(Key::back);
    EXPECT_EQ(body(screen_).size(), 4U);
}

TEST_F(Top, OrdersByResourceAndByName) {
    type(screen_, "s");
    EXPECT_NE(screen_.render({}, 24).find("by resource"), std::string::npos);
    type(screen_, "s");
    EXPECT_NE(body(screen_)[0].find("b[1]"), std::string::npos);
    EXPECT_EQ(body(screen_)[1].substr(0, 1), ">") << "the selection stays with its subject";
    type(screen_, "s");
    EXPECT_NE(body(screen_)[0].find("c[2]"), std::string::npos);
}

TEST_F(Top, DetailsOfAProcess) {
    screen_.press(Key::enter);
    EXPECT_EQ(screen_.detail_pid(), 2);
    EXPECT_LE(std::ranges::count(screen_.render({}, 2), '\n'), 2);
    screen_.set_evidence("90 = 80 socket + 10 file\n  80  socket  tcp\n");
    EXPECT_EQ(body(screen_),
              (std::vector<std::string>{"nofile       90    100        10  90.0  poll    c[2]",
                                        "memlock     60B   100B       40B  60.0  poll    c[2]", "",
                                        "90 = 80 socket + 10 file", "  80  socket  tcp"}));
    EXPECT_EQ(body(screen_, 6).size(), 3U);
    screen_.press(Key::enter);
    EXPECT_EQ(body(screen_).size(), 5U) << "a second Enter takes nothing away";
    screen_.press(Key::back);
    EXPECT_FALSE(screen_.detail_pid());
    screen_.press(Key::end);
    screen_.press(Key::enter);
    EXPECT_FALSE(screen_.detail_pid()) << "the system has no descriptors";
    EXPECT_EQ(body(screen_).size(), 2U);
}

TEST(TopOnce, AsTableAndAsJson) {
    Survey survey = sample();
    EXPECT_EQ(top_table(survey, name, 1, {}),
              "RESOURCE  USAGE  LIMIT  HEADROOM     %  ENGINE  SUBJECT\n"
              "nofile       90    100        10  90.0  poll    c[2]  memlock 60%\n"
              "and 3 more\n");
    const auto object = nlohmann::json::parse(top_json(survey, name, 1, 0));
    EXPECT_EQ(object["pid"], 2);
    EXPECT_EQ(object["comm"], "c");
    EXPECT_EQ(object["others"].size(), 1U);
    EXPECT_EQ(object["others"][0]["resource"], "memlock");
    EXPECT_FALSE(object["others"][0].contains("pid"));
}

}  // namespace
}  // namespace brink::sink
