// SPDX-License-Identifier: Apache-2.0
// Server: gives each of many clients, over one source of records, the events of its own watches. The same in brinkd and,
// for a single client, in a thread of the client's process.
//
// One thread, one epoll loop; nothing wakes it while no level is crossed and no client asks. Fair between clients: each
// has one request answered in turn, and events go first.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "broker/client.hpp"
#include "broker/quota.hpp"
#include "engine/record_source.hpp"

namespace brink::broker {

struct ServerOptions {
    Quotas quotas;
    std::uint32_t max_clients = 1024;    ///< for which the source has owners, and accounts
    std::optional<gid_t> group;          ///< whose members may watch everything
    bool ends_with_last_client = false;  ///< run() then returns
};

class Server {
  public:
    [[nodiscard]] static Result<std::unique_ptr<Server>> create(
        std::unique_ptr<engine::RecordSource> source, const ServerOptions& options);

    /// Takes connections from `listener`, which listens and does not block.
    [[nodiscard]] Result<void> listen(Fd listener);

    /// Takes one client that is connected. Errors: EAGAIN, there are too many; what else would keep it from being served.
    [[nodiscard]] Result<void> adopt(Fd connected);

    /// Serves until `stop` is readable (-1: nothing stops it), or as the options say. May be called again.
    void run(int stop);

    /// For a loop of the caller's own, instead of run(): readable (epoll) when serve() has something to do.
    [[nodiscard]] int fd() const { return epoll_.get(); }
    /// Milliseconds after which serve() wants to be called anyway; -1: never.
    [[nodiscard]] int timeout_ms() const;
    /// Does what is due, and does not wait. `has_records`: the source is known to be readable, and what it has goes out
    /// before anything else is looked at.
    void serve(bool has_records);

    /// Holds every count against the kernel's own: how many differed, and were corrected.
    std::size_t check_counts() { return source_->check_all().value_or(0); }

    [[nodiscard]] std::size_t clients() const { return clients_.size(); }

  private:
    struct Slot {  // whose a watch of the source is
        Client* client = nullptr;
        std::uint32_t number = 0;
        const ClientWatch* watch = nullptr;
    };

    Server(std::unique_ptr<engine::RecordSource> source, const ServerOptions& options);
    [[nodiscard]] bool turn(int timeout_ms);
    void accept_clients();
    void refuse_one();
    void on_client(Client& client, std::uint32_t events);
    void answer_requests();
    void answer(Client& client);
    [[nodiscard]] brink_event carry_out(Client& client, const PendingRequest& pending);
    [[nodiscard]] Result<brink_event> add(Client& client, const PendingRequest& pending);
    [[nodiscard]] Result<void> bind(Client& client, const PendingRequest& pending,
                                    std::uint32_t slot);
    [[nodiscard]] Result<brink_event> remove(Client& client, const brink_request& request);
    [[nodiscard]] Result<brink_event> describe(Client& client, const brink_request& request) const;
    void read_source();
    Client* route(const brink_record& record);
    void say_unclaimed_losses();
    void send_news();
    void resync(Client& client);
    void update(Client& client);
    void drop(std::uint64_t id);
    void note_news(Client& client);

    std::unique_ptr<engine::RecordSource> source_;
    ServerOptions options_;
    Users users_;
    Fd epoll_;
    Fd listener_;
    Fd spare_;  // given up to accept, and refuse, a client when no descriptor is left
    std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;
    std::uint64_t last_id_ = 0;
    std::vector<std::uint32_t> free_owners_;
    std::vector<Slot> slots_;          // by watch of the source
    std::deque<std::uint64_t> turns_;  // clients with requests
    std::vector<std::uint64_t> news_;  // clients with something to send
    bool losses_due_ = false;          // to be said after the next reading
};

}  // namespace brink::broker
