// SPDX-License-Identifier: Apache-2.0
// How a test and a workload keep step: the workload prints a line and waits for one on standard input. Neither reading
// nor writing changes the descriptor table. End of input lets a workload go on.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace brink::work {

inline void say(const std::string& line) {
    const std::string text = line + "\n";
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t wrote = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
        if (wrote <= 0) return;
        done += static_cast<std::size_t>(wrote);
    }
}

// The next line of standard input without its newline; empty at the end of input, where `ended` becomes true.
inline std::string next_line(bool* ended = nullptr) {
    std::string line;
    for (;;) {
        char byte = 0;
        const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
        if (got < 0) continue;  // EINTR
        if (got == 0) {
            if (ended != nullptr) *ended = true;
            return line;
        }
        if (byte == '\n') return line;
        line += byte;
    }
}

inline void ready_and_wait(bool wanted) {
    if (!wanted) return;
    say("ready " + std::to_string(::getpid()));
    next_line();
}

inline void must(bool ok, const char* what) {
    if (ok) return;
    std::perror(what);
    std::_Exit(3);
}

}  // namespace brink::work
