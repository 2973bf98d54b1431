// SPDX-License-Identifier: Apache-2.0
// Asks the descriptor and the environment.
#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>
#include <string_view>

namespace brink::app {
namespace {

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

// Without setlocale(): it would change how everything else in the process behaves.
bool is_utf8_locale() {
    std::string_view locale;
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        locale = environment(name);
        if (!locale.empty()) break;
    }
    std::string lower(locale);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos;
}

winsize size_of(int fd) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return {};
    return size;
}

}  // namespace

sink::TextStyle text_style(int fd) {
    sink::TextStyle style{.colour = false, .unicode = is_utf8_locale(), .width = 0};
    if (::isatty(fd) == 0) return style;
    style.colour = environment("NO_COLOR").empty() && environment("TERM") != "dumb";
    style.width = size_of(fd).ws_col;
    return style;
}

std::size_t terminal_lines(int fd) { return size_of(fd).ws_row; }

}  // namespace brink::app
