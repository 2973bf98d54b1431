// SPDX-License-Identifier: Apache-2.0
#include "check.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "configuration.hpp"

namespace brink::app {
namespace {

void print_rule(const Rule& rule) {
    fmt::print("rule {}: {}", rule.name, rule.subject());
    for (const engine::WatchSpec& watch : rule.watches) fmt::print(" {}", watch.text);
    for (const engine::ActionSpec& action : rule.actions) fmt::print(" [{}]", action.argument);
    fmt::print("{}\n", rule.dry_run ? ", dry run" : "");
}

}  // namespace

int check_configuration(const std::string& file) {
    const auto configuration = read_configuration(file);
    if (!configuration) {
        for (const Problem& problem : configuration.error())
            fmt::print(stderr, "{}\n", problem.text());
        return 1;
    }
    for (const Rule& rule : configuration->rules) print_rule(rule);
    fmt::print("{} rules in {} files: well\n", configuration->rules.size(),
               configuration->files.size());
    return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace brink::app
