// SPDX-License-Identifier: Apache-2.0
// Client: one connection: who it is, its watches, the requests of it that wait, and its queue of events. Sends and
// receives, decides nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "broker/event_queue.hpp"
#include "broker/peer.hpp"
#include "broker/quota.hpp"

namespace brink::broker {

/// A watch as its client knows it.
struct ClientWatch {
    std::uint32_t slot = 0;  ///< its number at the source of records
    std::uint64_t cookie = 0;
    std::string spec;
    std::vector<std::string> levels;  ///< as they stand in the spec
    std::uint8_t engine = 0;
};

/// A request that waits for its turn, with what came in the same message.
struct PendingRequest {
    brink_request request{};
    std::shared_ptr<std::vector<Fd>> descriptors;
    uid_t sender = 0;
};

class Client {
  public:
    /// `user` outlives the client.
    Client(std::uint64_t id, std::uint32_t owner, Fd socket, Peer peer, User& user,
           const Quotas& quotas)
        : queue(quotas.queue_bytes / 2 / sizeof(brink_event), user.used.queue_bytes,
                quotas.queue_bytes),
          id_(id),
          owner_(owner),
          socket_(std::move(socket)),
          peer_(std::move(peer)),
          user_(user) {}
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] std::uint32_t owner() const { return owner_; }
    [[nodiscard]] int socket() const { return socket_.get(); }
    [[nodiscard]] const Peer& peer() const { return peer_; }
    [[nodiscard]] User& user() { return user_; }

    /// Reads one message into `inbox`; what is wrong with it is answered. False: the connection is at its end.
    [[nodiscard]] bool receive();

    /// Sends what the socket takes, unless it is known to be full. False: the connection is at its end.
    [[nodiscard]] bool send();
    /// The socket takes something again.
    void unblock() { blocked_ = false; }

    /// Answers `pending` where it wants to be answered.
    void reply(const PendingRequest& pending, const brink_event& answer);

    /// What to wait for, EPOLLIN | EPOLLOUT: no requests while some wait, or while too many answers do.
    [[nodiscard]] std::uint32_t interest() const;

    EventQueue queue;
    std::deque<PendingRequest> inbox;
    std::map<std::uint32_t, ClientWatch> watches;  ///< by the client's number
    std::uint32_t last_watch = 0;                  ///< number given last: none is given twice
    std::uint32_t registered = 0;                  ///< what epoll has been told to wait for
    bool has_turn = false;                         ///< in the server's list of those with requests
    bool has_news = false;                         ///< likewise, of those with something to send

  private:
    const std::uint64_t id_;
    const std::uint32_t owner_;
    Fd socket_;
    Peer peer_;
    User& user_;
    bool blocked_ = false;  // the socket is full
};

/// The answer to `request`: `error` and, cut to fit, why.
[[nodiscard]] brink_event answer_to(const brink_request& request, int error,
                                    std::string_view text = {});

/// Puts `text` into a field of an event, cut to fit between two characters.
void set_text(brink_event& event, std::string_view text);

}  // namespace brink::broker
