// SPDX-License-Identifier: Apache-2.0
// The loop: who is connected, whose turn it is, what goes out. What requests do is in requests.cpp.
#include "broker/server.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/clock.hpp"
#include "base/epoll.hpp"
#include "broker/event_record.hpp"
#include "broker/message.hpp"

namespace brink::broker {
namespace {

// What an event of epoll is about; clients have numbers above these.
constexpr std::uint64_t kSource = 1;
constexpr std::uint64_t kListener = 2;
constexpr std::uint64_t kStop = 3;
constexpr std::uint64_t kFirstClient = 16;

constexpr std::uint64_t kRequestTime_ns = 2'000'000;  // then events are looked after again
constexpr std::size_t kResyncsAtOnce = 256;
constexpr int kLossesDue_ms = 10;

Fd open_spare() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Server::Server(std::unique_ptr<engine::RecordSource> source, const ServerOptions& options)
    : source_(std::move(source)),
      options_(options),
      users_(options.quotas, options.max_clients),
      spare_(open_spare()),
      last_id_(kFirstClient) {
    for (std::uint32_t owner = options.max_clients; owner > 0; --owner)
        free_owners_.push_back(owner);
}

Result<std::unique_ptr<Server>> Server::create(std::unique_ptr<engine::RecordSource> source,
                                               const ServerOptions& options) {
    std::unique_ptr<Server> server(new Server(std::move(source), options));
    server->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!server->epoll_) return fail_errno("epoll_create1");
    if (auto added = add_to_epoll(server->epoll_, server->source_->fd(), kSource); !added)
        return tl::unexpected(added.error());
    return server;
}

Result<void> Server::listen(Fd listener) {
    listener_ = std::move(listener);
    // Connections inherit it: also of what is sent before they are accepted the sender is known.
    if (auto asked = ask_for_senders(listener_.get()); !asked) return asked;
    return add_to_epoll(epoll_, listener_.get(), kListener);
}

Result<void> Server::adopt(Fd connected) {
    auto peer = Peer::of(connected.get(), options_.group);
    if (!peer) return tl::unexpected(peer.error());
    if (free_owners_.empty()) return fail("too many clients are connected", EAGAIN);
    bool fresh = false;
    const auto user = users_.enter(peer->uid(), fresh);
    if (!user) return tl::unexpected(user.error());
    engine::Owner who;
    who.socket = connected.get();
    who.uid = peer->uid();
    who.gid = peer->gid();
    who.all = peer->is_member();
    who.privileged = peer->is_privileged();
    const std::uint32_t owner = free_owners_.back();
    Result<void> set = source_->set_owner(owner, who);
    if (set && fresh)
        set = source_->set_account((*user)->account,
                                   {options_.quotas.queue_bytes / sizeof(brink_record),
                                    static_cast<std::uint32_t>(options_.quotas.subjects)});
    if (set) set = ask_for_senders(connected.get());
    if (set) set = add_to_epoll(epoll_, connected.get(), ++last_id_);
    if (!set) {
        users_.leave(**user);
        return set;
    }
    free_owners_.pop_back();
    auto client = std::make_unique<Client>(last_id_, owner, std::move(connected), std::move(*peer),
                                           **user, options_.quotas);
    client->registered = EPOLLIN;
    clients_.emplace(last_id_, std::move(client));
    return {};
}

void Server::run(int stop) {
    if (stop >= 0 && !add_to_epoll(epoll_, stop, kStop)) return;
    while (turn(timeout_ms())) {
    }
    if (stop >= 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, stop, nullptr);
}

int Server::timeout_ms() const {
    const int timeout = turns_.empty() ? source_->timeout_ms() : 0;
    return losses_due_ && timeout < 0 ? kLossesDue_ms : timeout;
}

void Server::serve(bool has_records) {
    if (has_records) {
        read_source();
        send_news();
    }
    (void)turn(0);
}

// One look at everything. False: it is over.
bool Server::turn(int timeout_ms) {
    std::array<epoll_event, 64> events{};
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                               timeout_ms);
    bool stopped = false;
    bool has_records = n <= 0;
    for (int i = 0; i < n; ++i)
        has_records |= events.at(static_cast<std::size_t>(i)).data.u64 == kSource;
    if (has_records || !turns_.empty()) read_source();
    send_news();
    for (int i = 0; i < n; ++i) {
        const epoll_event& event = events.at(static_cast<std::size_t>(i));
        if (event.data.u64 == kListener) accept_clients();
        if (event.data.u64 == kStop) stopped = true;
        if (event.data.u64 < kFirstClient) continue;
        const auto found = clients_.find(event.data.u64);
        if (found != clients_.end()) on_client(*found->second, event.events);
    }
    answer_requests();
    send_news();
    return !stopped && (!options_.ends_with_last_client || !clients_.empty());
}

void Server::accept_clients() {
    for (int i = 0; i < 64; ++i) {
        Fd connected(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!connected && (errno == EMFILE || errno == ENFILE)) refuse_one();
        if (!connected) return;
        (void)adopt(std::move(connected));  // who is refused sees the end of the connection
    }
}

// Else the listener would stay readable, and the loop never rest.
void Server::refuse_one() {
    spare_.reset();
    Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
    spare_ = open_spare();
}

void Server::on_client(Client& client, std::uint32_t events) {
    bool alive = true;
    if (events & EPOLLOUT) client.unblock();
    if (events & EPOLLIN)
        alive = client.receive();
    else if (events & (EPOLLHUP | EPOLLERR))
        alive = false;
    if (!alive) {
        drop(client.id());
        return;
    }
    if (!client.inbox.empty() && !std::exchange(client.has_turn, true))
        turns_.push_back(client.id());
    note_news(client);
}

void Server::answer_requests() {
    const std::uint64_t end = monotonic_now_ns() + kRequestTime_ns;
    while (!turns_.empty()) {
        const auto found = clients_.find(turns_.front());
        turns_.pop_front();
        if (found == clients_.end()) continue;
        Client& client = *found->second;
        answer(client);
        client.has_turn = !client.inbox.empty();
        if (client.has_turn) turns_.push_back(client.id());
        note_news(client);
        if (monotonic_now_ns() >= end) return;
    }
}

void Server::read_source() {
    users_.for_each([&](User& user) { user.dropped = source_->dropped_of(user.account); });
    bool first = true;
    source_->read([&](const brink_record& record, const brink_stack_record*) {
        Client* const client = route(record);
        // One that comes alone, as most do, is not to wait for what else there is to look at.
        if (client && std::exchange(first, false)) (void)client->send();
    });
    say_unclaimed_losses();
}

// Whose it was; nullptr: nobody's.
Client* Server::route(const brink_record& record) {
    if (record.watch >= slots_.size() || !slots_[record.watch].client) return nullptr;
    const Slot& slot = slots_[record.watch];
    Client& client = *slot.client;
    if (record.type == BRINK_RECORD_LOST) {
        User& user = client.user();
        const std::uint64_t count = std::min(record.usage,
                                             source_->dropped_of(user.account) - user.lost);
        user.lost += count;
        if (count > 0) client.queue.lose(count);
    } else if (auto event = event_of(record, *slot.watch, client.peer(),
                                     source_->engine_of(record.tally))) {
        event->watch = slot.number;
        client.queue.push(*event);
    }
    note_news(client);
    return &client;
}

// Records of subjects that ended before anything was heard of them: it is known only whose they were. Those that were
// dropped during the reading may be claimed by the next one.
void Server::say_unclaimed_losses() {
    losses_due_ = false;
    users_.for_each([&](User& user) {
        losses_due_ |= source_->dropped_of(user.account) > std::max(user.lost, user.dropped);
        if (user.dropped <= user.lost) return;
        for (auto& [id, client] : clients_) {
            if (&client->user() != &user) continue;
            client->queue.lose(user.dropped - user.lost);
            note_news(*client);
        }
        user.lost = user.dropped;
    });
}

void Server::note_news(Client& client) {
    if (!std::exchange(client.has_news, true)) news_.push_back(client.id());
}

void Server::send_news() {
    for (const std::uint64_t id : std::exchange(news_, {})) {
        const auto found = clients_.find(id);
        if (found == clients_.end()) continue;
        Client& client = *found->second;
        client.has_news = false;
        if (!client.send()) {
            drop(id);
            continue;
        }
        resync(client);
        update(client);
    }
}

void Server::resync(Client& client) {
    for (const std::uint64_t subject : client.queue.take_affected(kResyncsAtOnce))
        (void)source_->resync(static_cast<std::uint32_t>(subject),
                              static_cast<std::uint32_t>(subject >> 32U));
}

void Server::update(Client& client) {
    const std::uint32_t wanted = client.interest();
    if (wanted == client.registered) return;
    epoll_event event{};
    event.events = wanted;
    event.data.u64 = client.id();
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.socket(), &event) == 0)
        client.registered = wanted;
}

// Its watches go before its socket, by which the hooks know whose they are.
void Server::drop(std::uint64_t id) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) return;
    std::unique_ptr<Client> client = std::move(found->second);
    User& user = client->user();
    clients_.erase(found);
    std::vector<std::uint32_t> slots;
    for (const auto& [number, watch] : client->watches) {
        slots.push_back(watch.slot);
        slots_[watch.slot] = {};
        Users::give_watch(user, watch.levels.size());
    }
    if (!slots.empty()) source_->remove_watches(slots);
    free_owners_.insert(free_owners_.begin(), client->owner());
    client.reset();
    users_.leave(user);
}

}  // namespace brink::broker
