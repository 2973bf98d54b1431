// SPDX-License-Identifier: Apache-2.0
// The socket by which a running relay is asked: one line, "status" or "test NAME", and one JSON object comes back. Who may
// ask is decided by the permissions of the socket and its folder.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace brink::relay {

inline constexpr const char* kDefaultControl = "/run/brink-relay/control";

class ControlSocket {
  public:
    /// Makes the answer to a question, a JSON object on one line; from several threads.
    using Answering = std::function<std::string(const std::string&)>;

    /// Listens at `path` (mode 0660), over what is left there from a relay that has ended. Errors: one that runs listens
    /// there; the folder cannot be written; the path is too long for a socket.
    [[nodiscard]] static Result<std::unique_ptr<ControlSocket>> listen(const std::string& path,
                                                                       Answering answering);
    /// Waits for the answers that are being made.
    ~ControlSocket();
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

    /// Readable when somebody asks.
    [[nodiscard]] int fd() const { return socket_.get(); }
    /// Takes one who asks, and answers in a thread; at most a few at a time, others are turned away.
    void serve();

  private:
    ControlSocket(Fd socket, Answering answering)
        : socket_(std::move(socket)), answering_(std::move(answering)) {}
    void answer(const Fd& asking);

    Fd socket_;
    Answering answering_;
    std::mutex mutex_;
    std::condition_variable done_;
    int busy_ = 0;  // under mutex_
};

/// Asks the relay at `path`; the line that came back. Errors: nobody listens, or does not answer within `timeout_ms`.
[[nodiscard]] Result<std::string> ask(const std::string& path, const std::string& question,
                                      int timeout_ms);

}  // namespace brink::relay
