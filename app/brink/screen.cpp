// SPDX-License-Identifier: Apache-2.0
#include "screen.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "output.hpp"

namespace brink::app {

using Key = sink::TopScreen::Key;

namespace {

constexpr std::size_t kLongestSequence = 64;

// The length of the escape sequence at the beginning of `bytes`, whatever it means; 0: its end is missing.
std::size_t sequence_length(std::string_view bytes) {
    std::size_t last = 2;
    while (last < bytes.size() && (bytes[last] < '@' || bytes[last] > '~')) ++last;
    return last < bytes.size() ? last + 1 : 0;
}

}  // namespace

Screen::Screen() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    // What would stop or kill it would leave the terminal as it is.
    raw.c_cc[VQUIT] = raw.c_cc[VSUSP] = _POSIX_VDISABLE;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    (void)write_all(STDOUT_FILENO, "\x1b[?1049h\x1b[?25l");
}

Screen::~Screen() {
    (void)write_all(STDOUT_FILENO, "\x1b[?25h\x1b[?1049l");
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

void Screen::draw(const std::string& text) const {
    (void)write_all(STDOUT_FILENO, as_screen(text));
}

bool Screen::read_keys(const std::function<void(Key, char)>& press) {
    std::array<char, 256> bytes;
    const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got > 0) {
        begun_.append(bytes.data(), static_cast<std::size_t>(got));
        begun_.erase(0, parse_keys(begun_, press));
        if (begun_.size() > kLongestSequence) begun_.clear();
    }
    return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

// A line is cleared before it is written: behind one that fills the width the cursor still stands on its last column.
// With the last one everything below is.
std::string as_screen(const std::string& text) {
    std::string_view rest = text;
    if (rest.ends_with('\n')) rest.remove_suffix(1);  // it must not scroll
    std::string screen = "\x1b[H";
    for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
        screen.append("\x1b[2K").append(rest.substr(0, end)).append("\r\n");
        rest.remove_prefix(end + 1);
    }
    return screen.append("\x1b[J").append(rest);
}

std::size_t parse_keys(std::string_view bytes, const std::function<void(Key, char)>& press) {
    constexpr std::array<std::pair<std::string_view, Key>, 14> kSequences{{
        {"\x1b[A", Key::up},
        {"\x1b[B", Key::down},
        {"\x1bOA", Key::up},
        {"\x1bOB", Key::down},
        {"\x1b[5~", Key::page_up},
        {"\x1b[6~", Key::page_down},
        {"\x1b[H", Key::home},
        {"\x1b[F", Key::end},
        {"\x1b[1~", Key::home},
        {"\x1b[4~", Key::end},
        {"\x1bOH", Key::home},
        {"\x1bOF", Key::end},
        {"\x7f", Key::erase},
        {"\b", Key::erase},
    }};
    const std::size_t size = bytes.size();
    while (!bytes.empty()) {
        std::size_t taken = 0;
        for (const auto& [sequence, key] : kSequences) {
            if (taken || !bytes.starts_with(sequence)) continue;
            press(key, 0);
            taken = sequence.size();
        }
        if (!taken && bytes.front() == '\x1b') {
            // Of a sequence that is not known nothing is taken for text; a lone escape is a key.
            taken = 1;
            if (bytes.size() > 1 && (bytes[1] == '[' || bytes[1] == 'O')) {
                taken = sequence_length(bytes);
                if (!taken) return size - bytes.size();
            } else {
                press(Key::back, 0);
            }
        }
        if (!taken) {
            taken = 1;
            if (bytes.front() == '\r' || bytes.front() == '\n')
                press(Key::enter, 0);
            else
                press(Key::text, bytes.front());
        }
        bytes.remove_prefix(taken);
    }
    return size;
}

}  // namespace brink::app
