// SPDX-License-Identifier: Apache-2.0
#include "rule_daemon.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <sstream>

namespace brink::live {

std::string output_of(const std::vector<std::string>& arguments) {
    Child child(arguments);
    child.close_input();
    child.wait();
    return child.out();
}

RuleDaemon::RuleDaemon(const std::string& rules, const ChildOptions& options) {
    write_configuration(rules);
    EXPECT_TRUE(start(options)) << said();
}

RuleDaemon::~RuleDaemon() { stop(); }

void RuleDaemon::stop() {
    if (!child_) return;
    child_->signal(SIGTERM);
    child_->wait();
    child_.reset();
}

void RuleDaemon::write_configuration(const std::string& rules) const {
    write_file(path("brink.toml"), "[history]\nfile = \"" + history() + "\"\n" +
                                       (history_.empty() ? "" : "max_size = \"1M\"\n") + rules);
}

bool RuleDaemon::start(const ChildOptions& options) {
    child_ = std::make_unique<Child>(std::vector<std::string>{daemon_path(), "--config",
                                                              path("brink.toml"), "--socket",
                                                              path("brink.sock"), "--engine",
                                                              engine(), "--group", "0"},
                                     options);
    return wait_for_line("^brinkd: rules: ");
}

nlohmann::json RuleDaemon::status() const {
    return nlohmann::json::parse(output_of({brink_path(), "status", "-o", "json", "--socket",
                                            path("brink.sock")}),
                                 nullptr, false);
}

std::vector<std::string> RuleDaemon::events(const std::vector<std::string>& options) const {
    std::vector<std::string> arguments{brink_path(), "events",    "-o",
                                       "json",       "--history", history()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    std::istringstream text(output_of(arguments));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

// By a program that is not ours.
bool RuleDaemon::history_is_intact() const {
    return output_of({"/usr/bin/sqlite3", "-readonly", history(), "PRAGMA integrity_check"}) ==
           "ok\n";
}

}  // namespace brink::live
