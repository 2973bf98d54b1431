// SPDX-License-Identifier: Apache-2.0
// brinkd as the tests start it: with a configuration, a socket and a history of its own.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "child.hpp"
#include "machine.hpp"

namespace brink::live {

class RuleDaemon {
  public:
    // `rules`: what stands in the configuration behind [history].
    explicit RuleDaemon(const std::string& rules, const ChildOptions& options = {});
    ~RuleDaemon();

    void write_configuration(const std::string& rules) const;
    // Starts it, or starts it again. Whether it says that it serves.
    bool start(const ChildOptions& options = {});
    Child& child() { return *child_; }
    std::string said() { return child_->err(); }
    bool wait_for_line(const std::string& expression) {
        return child_->wait_for_error_line(expression);
    }
    // Asks for the end, and waits for it.
    void stop();
    // And let it be no larger than 1 MiB.
    void keep_history_in(const std::string& file) { history_ = file; }

    std::string path(const std::string& name) const { return folder_ / name; }
    std::string history() const { return history_.empty() ? path("events.db") : history_; }
    // The answer of `brink status -o json`.
    nlohmann::json status() const;
    // What `brink events -o json` prints with these options, a line each.
    std::vector<std::string> events(const std::vector<std::string>& options = {}) const;
    bool history_is_intact() const;

  private:
    ScratchFolder folder_;
    std::string history_;
    std::unique_ptr<Child> child_;
};

// What a program prints on standard output, whatever it says on standard error.
std::string output_of(const std::vector<std::string>& arguments);

}  // namespace brink::live
