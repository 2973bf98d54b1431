// SPDX-License-Identifier: Apache-2.0
// Output: where the events of `run` and `watch` are written, as text or JSON lines. Events that wait
// together are written together.
#pragma once

#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "brink/event.hpp"
#include "options.hpp"
#include "sink/text.hpp"

namespace brink::app {

class Output {
  public:
    /// Opens what --events asks for; else `default_fd`. A descriptor that was handed over (fd:N) is
    /// made close-on-exec, so that the command does not get it.
    [[nodiscard]] static Result<Output> open(const MonitorOptions& options, int default_fd);

    /// Adds an event; it is written at the next send(), or sooner where much has come together.
    void write(const Event& event);
    /// Writes what has come together. To be called before waiting for more.
    void send();
    /// Ends the output: what text output has folded is said, and everything is written.
    void finish();
    void never_fold(std::int32_t pid) { text_.never_fold(pid); }

    /// Whether the reader has gone (EPIPE); nothing is written any more.
    [[nodiscard]] bool closed() const { return closed_; }
    /// The error that ended the writing, for a message; empty if none.
    [[nodiscard]] const std::string& error() const { return error_; }

  private:
    Output(OutputFormat format, Fd owned, int fd);

    OutputFormat format_;
    Fd owned_;
    int fd_;
    sink::TextRenderer text_;
    std::string pending_;
    bool closed_ = false;
    std::string error_;
};

/// Writes all of `text`, waiting where the descriptor is non-blocking. 0 or errno.
[[nodiscard]] int write_all(int fd, const std::string& text);

/// Writes all of `text` to standard output. The status to end with where that cannot go on: 0, the reader has gone; 1, an
/// error, which is said.
[[nodiscard]] std::optional<int> print(const std::string& text);

/// One line "brink: …" on standard error.
void notice(const std::string& message);

}  // namespace brink::app
