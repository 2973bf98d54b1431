// SPDX-License-Identifier: Apache-2.0
// Arguments: the options of one subcommand as they were typed, before anything is made of them.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace brink::app {

class Arguments {
  public:
    /// Options that take a value, "--watch" or "-w,--watch", and flags, which take none. `help` is added to the flags.
    explicit Arguments(std::vector<std::string> options, std::vector<std::string> flags = {},
                       std::string help = "-h,--help")
        : options_(std::move(options)), flags_(std::move(flags)), help_name_(std::move(help)) {}

    /// Reads `words`. With `command`, options end at the first word that is none (or behind "--"),
    /// and the rest is command(); without, such a word is an error.
    [[nodiscard]] Result<void> parse(std::span<const char* const> words, bool command);

    [[nodiscard]] bool help() const { return help_; }
    [[nodiscard]] const std::vector<std::string>& command() const { return command_; }

    /// Whether flag `name` ("--all") is there.
    [[nodiscard]] bool has(const std::string& name) const { return given_.at(name); }

    /// Every value of option `name` ("--watch"), in order.
    [[nodiscard]] const std::vector<std::string>& all(const std::string& name) const;

    /// The value of an option that can be given once.
    [[nodiscard]] Result<std::optional<std::string>> one(const std::string& name) const;

  private:
    std::vector<std::string> options_;
    std::vector<std::string> flags_;
    std::string help_name_;
    std::map<std::string, std::vector<std::string>> values_;
    std::map<std::string, bool> given_;  // by flag
    std::vector<std::string> command_;
    bool help_ = false;
};

}  // namespace brink::app
