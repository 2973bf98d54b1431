// SPDX-License-Identifier: Apache-2.0
// brinkd: reads the command line.
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "check.hpp"
#include "configuration.hpp"

int main(int argc, char** argv) {
    const std::string file = argc > 2 ? argv[2] : brink::app::kDefaultConfiguration;
    if (argc > 1 && std::string(argv[1]) == "--check") return brink::app::check_configuration(file);
    return 2;
}
