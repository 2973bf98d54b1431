// SPDX-License-Identifier: Apache-2.0
// Screen: a terminal for full-screen use, as long as the object lives: its other buffer, no echo, keys as they come. The
// terminal is put back when the object ends; the keys that would stop or quit the process are off meanwhile, and a signal that
// kills it is the caller's to prevent.
#pragma once

#include <termios.h>

#include <functional>
#include <string>

#include "sink/top.hpp"

namespace brink::app {

class Screen {
  public:
    /// Standard input and output, which must be terminals.
    Screen();
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    /// Writes `text` over what is there.
    void draw(const std::string& text) const;

    /// Hands over the keys that wait. False: the terminal is gone.
    [[nodiscard]] bool read_keys(const std::function<void(sink::TopScreen::Key, char)>& press);

  private:
    termios before_{};
    std::string begun_;  // an escape sequence whose end has not come yet
};

/// `text` as what is written over a screen: every line is cleared before, and what is below.
[[nodiscard]] std::string as_screen(const std::string& text);

/// Takes the keys out of what a terminal has sent: escape sequences of VT100 and xterm. The answer is how many bytes that
/// took: what is left is a sequence whose end has not come yet. A lone escape at the end is the key.
[[nodiscard]] std::size_t parse_keys(std::string_view bytes,
                                     const std::function<void(sink::TopScreen::Key, char)>& press);

}  // namespace brink::app
