// SPDX-License-Identifier: Apache-2.0
#include "daemon.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <sstream>

namespace brink::live {

std::string brinkd_path() {
    const char* given = std::getenv("BRINKD");
    return given ? given : DEFAULT_BRINKD;
}

std::string output_of(const std::vector<std::string>& arguments) {
    Child child(arguments);
    child.close_input();
    child.wait();
    return child.out();
}

Daemon::Daemon(const std::string& rules, const ChildOptions& options) {
    write_configuration(rules);
    EXPECT_TRUE(start(options)) << said();
}

Daemon::~Daemon() { stop(); }

void Daemon::stop() {
    if (!child_) return;
    child_->signal(SIGTERM);
    child_->wait();
    child_.reset();
}

void Daemon::write_configuration(const std::string& rules) const {
    write_file(path("brink.toml"),
               "[history]\nfile = \"" + history() + "\"\n" + rules);
}

bool Daemon::start(const ChildOptions& options) {
    child_ = std::make_unique<Child>(
        std::vector<std::string>{brinkd_path(), "--config", path("brink.toml"), "--socket",
                                 path("brink.sock"), "--engine", engine()},
        options);
    return wait_for_line("^brinkd: rules: ");
}

nlohmann::json Daemon::status() const {
    return nlohmann::json::parse(
        output_of({brink_path(), "status", "-o", "json", "--socket", path("brink.sock")}), nullptr,
        false);
}

std::vector<std::string> Daemon::events(const std::vector<std::string>& options) const {
    std::vector<std::string> arguments{brink_path(), "events", "-o", "json", "--history",
                                       history()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    std::istringstream text(output_of(arguments));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

// By a program that is not ours.
bool Daemon::history_is_intact() const {
    return output_of({"/usr/bin/sqlite3", "-readonly", history(), "PRAGMA integrity_check"}) == "ok\n";
}

}  // namespace brink::live
