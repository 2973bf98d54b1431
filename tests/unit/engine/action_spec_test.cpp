// SPDX-License-Identifier: Apache-2.0
#include "engine/action_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace brink::engine {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view text) {
    const auto spec = parse_action(text);
    return spec ? "" : spec.error().message;
}

TEST(ActionSpec, ReadsEveryAction) {
    const auto signal = parse_action("95%=signal:SIGTERM");
    ASSERT_TRUE(signal);
    EXPECT_EQ(signal->kind, ActionKind::signal);
    EXPECT_EQ(signal->signal, SIGTERM);
    EXPECT_EQ(signal->level, "95%");
    EXPECT_EQ(signal->resource, "");
    EXPECT_EQ(signal->direction, Direction::up);
    EXPECT_EQ(signal->text, "signal:SIGTERM");
    EXPECT_EQ(signal->argument, "95%=signal:SIGTERM");

    const auto exec = parse_action("nofile@-50:down=exec:logger a=b : c @ d");
    ASSERT_TRUE(exec);
    EXPECT_EQ(exec->kind, ActionKind::exec);
    EXPECT_EQ(exec->command, "logger a=b : c @ d");
    EXPECT_EQ(exec->resource, "nofile");
    EXPECT_EQ(exec->level, "-50");
    EXPECT_EQ(exec->direction, Direction::down);

    EXPECT_EQ(parse_action("900=restart")->kind, ActionKind::restart);
    EXPECT_EQ(parse_action("900=evidence")->kind, ActionKind::evidence);
    EXPECT_EQ(parse_action("900:up=fail")->kind, ActionKind::fail);
    EXPECT_EQ(parse_action("900:down=evidence")->direction, Direction::down);
}

TEST(ActionSpec, Refuses) {
    EXPECT_THAT(error_of(""), HasSubstr("there is no '='"));
    EXPECT_THAT(error_of("95%"), HasSubstr("there is no '='"));
    EXPECT_THAT(error_of("=restart"), HasSubstr("a level is missing"));
    EXPECT_THAT(error_of("x=restart"), HasSubstr("level 'x' is malformed"));
    EXPECT_THAT(error_of("0%=restart"), HasSubstr("above 0"));
    EXPECT_THAT(error_of("nofle@95%=restart"), HasSubstr("did you mean nofile?"));
    EXPECT_THAT(error_of("@95%=restart"), HasSubstr("the resource is missing"));
    EXPECT_THAT(error_of("95%:sideways=restart"), HasSubstr("there is no direction ':sideways'"));
    EXPECT_THAT(error_of("95%="), HasSubstr("the action is missing"));
    EXPECT_THAT(error_of("95%=evidense"), HasSubstr("did you mean evidence?"));
    EXPECT_THAT(error_of("95%=signal"), HasSubstr("signal has no name; write one"));
    EXPECT_THAT(error_of("95%=xyzzy"), HasSubstr("there are: signal:TERM, exec:COMMAND"));
    EXPECT_THAT(error_of("95%=exec:"), HasSubstr("has no command"));
    EXPECT_THAT(error_of("95%=exec: \t"), HasSubstr("has no command"));
    EXPECT_THAT(error_of("95%:down=restart"), HasSubstr("restart is for the way up"));
    EXPECT_THAT(error_of("95%:down=fail"), HasSubstr("fail is for the way up"));
}

TEST(ActionSpec, ReadsSignals) {
    EXPECT_EQ(parse_signal("TERM").value(), SIGTERM);
    EXPECT_EQ(parse_signal("SIGUSR1").value(), SIGUSR1);
    EXPECT_EQ(parse_signal("term").value(), SIGTERM);
    EXPECT_EQ(parse_signal("9").value(), SIGKILL);
    EXPECT_EQ(parse_signal("64").value(), 64);
    EXPECT_THAT(parse_signal("TREM").error().message, HasSubstr("did you mean TERM?"));
    for (const char* text : {"", "0", "65", "-1", "SIG", "SIGSIGTERM", "15 ", "015", "1x"})
        EXPECT_FALSE(parse_signal(text)) << text;
    EXPECT_EQ(signal_name(SIGTERM), "TERM");
    EXPECT_EQ(signal_name(50), "50");
}

TEST(ActionSpec, EverySignalNameReadsBack) {
    for (int signal = 1; signal <= 64; ++signal)
        EXPECT_EQ(parse_signal(signal_name(signal)).value(), signal);
}

Result<void> check(std::initializer_list<const char*> actions,
                   std::initializer_list<const char*> watches) {
    std::vector<ActionSpec> action_specs;
    std::vector<WatchSpec> watch_specs;
    for (const char* text : actions) action_specs.push_back(parse_action(text).value());
    for (const char* text : watches) watch_specs.push_back(parse_watch(text).value());
    return check_actions(action_specs, watch_specs);
}

TEST(CheckActions, EachBelongsToALevelAsTyped) {
    EXPECT_TRUE(check({"95%=restart", "nofile@80%=fail"}, {"nofile=80%,95%"}));
    EXPECT_TRUE(check({"95%:down=evidence"}, {"nofile=80%", "nofile=95%:down"}));
    const auto other = check({"90%=restart"}, {"nofile=80%,95%", "nofile=-50"});
    EXPECT_THAT(other.error().message,
                HasSubstr("action '90%=restart': no watch has that level; the levels watched are, "
                          "as typed: nofile@80%, nofile@95%, nofile@-50"));
    EXPECT_FALSE(check({"80.0%=restart"}, {"nofile=80%"}));
}

TEST(CheckActions, TheWatchReportsTheDirection) {
    EXPECT_THAT(check({"80%=restart"}, {"nofile=80%:down"}).error().message,
                HasSubstr("does not report the way up; leave :down out"));
    EXPECT_THAT(check({"80%:down=exec:x"}, {"nofile=80%:up"}).error().message,
                HasSubstr("does not report the way down; leave :up out"));
    EXPECT_TRUE(check({"80%:down=exec:x"}, {"nofile=80%:up", "nofile=80%"}));
}

TEST(CheckActions, OneSignalForALevelAndNothingTwice) {
    EXPECT_THAT(
        check({"80%=signal:USR1", "nofile@80%=signal:TERM"}, {"nofile=80%"}).error().message,
        HasSubstr("a level sends one signal"));
    EXPECT_THAT(check({"80%=restart", "nofile@80%:up=restart"}, {"nofile=80%"}).error().message,
                HasSubstr("'80%=restart' and 'nofile@80%:up=restart': the same is there twice"));
    EXPECT_TRUE(
        check({"80%=signal:USR1", "80%:down=signal:USR1", "90%=signal:TERM"}, {"nofile=80%,90%"}));
    EXPECT_TRUE(check({"80%=exec:a", "80%=exec:b", "80%=evidence"}, {"nofile=80%"}));
}

TEST(ActionSpec, AppliesToTheLevelAsTyped) {
    const ActionSpec any = parse_action("80%=fail").value();
    EXPECT_TRUE(any.applies_to("nofile", "80%", Direction::up));
    EXPECT_FALSE(any.applies_to("nofile", "80%", Direction::down));
    EXPECT_FALSE(any.applies_to("nofile", "81%", Direction::up));
    const ActionSpec one = parse_action("nofile@80%:down=evidence").value();
    EXPECT_TRUE(one.applies_to("nofile", "80%", Direction::down));
    EXPECT_FALSE(one.applies_to("nproc", "80%", Direction::down));
}

}  // namespace
}  // namespace brink::engine
