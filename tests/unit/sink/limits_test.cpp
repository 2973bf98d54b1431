// SPDX-License-Identifier: Apache-2.0
#include "sink/limits.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace brink::sink {
namespace {

using resource::Remark;
using resource::Row;

class LimitsView1 : public testing::Test {
  protected:
    LimitsView1() {
        near_.resource = find_resource("nofile");
        near_.reading = {.usage = 973, .limit = 1024, .limit_hard = 4096};
        near_.subject.name = "lea\x1b[2Jky[12]";
        near_.subject.pid = 12;
        near_.subject.comm = "lea\x1b[2Jky";
        near_.subject.uid = 1000;
        over_.resource = find_resource("memory");
        over_.reading = {.usage = 3 << 20, .limit = 2 << 20};
        over_.subject.name = over_.subject.cgroup = "/a.slice";
        free_.resource = find_resource("as");
        free_.reading.usage = 5000;
        free_.subject.name = "x[1]";
        nothing_ = {find_resource("swap"), "there is no swap", true};
        part_ = {find_resource("maps"), "1 process may not be read", false};
        view_.rows = {{&over_, 1}, {&near_, 7}, {&free_, 2}};
        view_.remarks = {&part_, &nothing_};
    }
    Row near_, over_, free_;
    Remark nothing_, part_;
    LimitsView view_;
};

TEST_F(LimitsView1, AsATable) {
    EXPECT_EQ(limits_table(view_, {}),
              "RESOURCE  USAGE  LIMIT  HEADROOM      %  ENGINE  SUBJECT\n"
              "memory       3M     2M       -1M  150.0  poll    /a.slice\n"
              "nofile      973   1024        51   95.0  poll    lea\\x1b[2Jky[12], of 7\n"
              "as        4.88K      -         -      -  poll    x[1], of 2\n"
              "\n"
              "maps, not all: 1 process may not be read\n"
              "swap: there is no swap\n");
    view_.left_out = 3;
    view_.remarks.clear();
    view_.rows.resize(1);
    EXPECT_EQ(limits_table(view_, {.colour = true, .unicode = true, .width = 30}),
              "\x1b[1mRESOURCE  USAGE      %  SUB...\x1b[0m\n"
              "\x1b[1;31mmemory       3M  150.0  /a....\x1b[0m\n"
              "and 3 more\n");
}

TEST_F(LimitsView1, OnANarrowScreenColumnsMakeRoomForTheSubject) {
    const auto head = [&](std::size_t width) {
        const std::string table = limits_table(view_, {.width = width});
        return table.substr(0, table.find('\n'));
    };
    EXPECT_EQ(head(69), "RESOURCE  USAGE  LIMIT  HEADROOM      %  ENGINE  SUBJECT");
    EXPECT_EQ(head(68), "RESOURCE  USAGE  LIMIT  HEADROOM      %  SUBJECT");
    EXPECT_EQ(head(60), "RESOURCE  USAGE  LIMIT      %  SUBJECT");
    EXPECT_EQ(head(50), "RESOURCE  USAGE      %  SUBJECT");
}

TEST_F(LimitsView1, AsJson) {
    std::istringstream lines(limits_json(view_, 1'000'000'001));
    std::vector<nlohmann::json> rows;
    for (std::string line; std::getline(lines, line);) rows.push_back(nlohmann::json::parse(line));
    ASSERT_EQ(rows.size(), 5U);
    EXPECT_EQ(rows[0], nlohmann::json::parse(
                           R"({"resource":"memory","scope":"cgroup","usage":3145728,"limit":2097152,
        "headroom":-1048576,"percent":150.0,"unit":"By","cgroup":"/a.slice","engine":"poll",
        "time":"1970-01-01T00:00:01.000000001Z"})"));
    EXPECT_EQ(rows[1]["comm"], "lea\x1b[2Jky");
    EXPECT_EQ(rows[1]["limit_hard"], 4096);
    EXPECT_EQ(rows[1]["of"], 7);
    EXPECT_EQ(rows[1]["percent"], 95.0);
    EXPECT_TRUE(rows[2]["limit"].is_null());
    EXPECT_FALSE(rows[2].contains("headroom"));
    EXPECT_EQ(rows[3]["incomplete"], "1 process may not be read");
    EXPECT_EQ(rows[4]["unavailable"], "there is no swap");
}

}  // namespace
}  // namespace brink::sink
