// SPDX-License-Identifier: Apache-2.0
#include "broker/client.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "broker/message.hpp"

namespace brink::broker {
namespace {

constexpr std::size_t kSentAtOnce = 64;
constexpr std::size_t kMaxReplies = 2 * std::size_t{BRINK_MAX_REQUESTS};  // that wait to be read

}  // namespace

Client::~Client() {
    for (PendingRequest& pending : inbox)
        if (pending.descriptors) dispose(std::move(*pending.descriptors));
}

bool Client::receive() {
    auto received = broker::receive(socket());
    if (!received) return false;
    if (!*received) return true;
    Message& message = **received;
    if (!message.error.empty()) {
        queue.reply(answer_to({}, EINVAL, message.error));
        dispose(std::move(message.descriptors));
        return true;
    }
    const auto descriptors = std::make_shared<std::vector<Fd>>(std::move(message.descriptors));
    for (const brink_request& request : message.requests) inbox.push_back({request, descriptors, message.sender});
    return true;
}

bool Client::send() {
    while (!blocked_ && queue.size() > 0) {
        std::array<mmsghdr, kSentAtOnce> messages{};
        std::array<iovec, kSentAtOnce> data{};
        const std::size_t count = std::min(queue.size(), kSentAtOnce);
        for (std::size_t i = 0; i < count; ++i) {
            data[i] = {const_cast<brink_event*>(&queue.at(i)), sizeof(brink_event)};
            messages[i].msg_hdr.msg_iov = &data[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        const int sent = ::sendmmsg(socket(), messages.data(), static_cast<unsigned>(count),
                                    MSG_DONTWAIT | MSG_NOSIGNAL);
        blocked_ = sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM);
        if (sent < 0 && (blocked_ || errno == EINTR)) continue;
        if (sent < 0) return false;
        queue.pop(static_cast<std::size_t>(sent));
    }
    return true;
}

void Client::reply(const PendingRequest& pending, const brink_event& answer) {
    if (!(pending.request.flags & BRINK_REQUEST_REPLY_FD)) {
        queue.reply(answer);
        return;
    }
    // One that does not take it is the client's own affair.
    if (pending.descriptors->empty() || !is_reply_socket(pending.descriptors->back(), pending.sender))
        queue.reply(answer_to(pending.request, EBADF, "the last descriptor takes no replies"));
    else
        (void)::send(pending.descriptors->back().get(), &answer, sizeof answer,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
}

std::uint32_t Client::interest() const {
    std::uint32_t events = blocked_ ? std::uint32_t{EPOLLOUT} : 0;
    if (inbox.empty() && queue.replies() < kMaxReplies) events |= EPOLLIN;
    return events;
}

void set_text(brink_event& event, std::string_view text) {
    std::size_t length = std::min(text.size(), sizeof event.text - 1);
    if (length < text.size())
        while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0U) == 0x80U) --length;
    std::memcpy(event.text, text.data(), length);
    event.text[length] = 0;
}

brink_event answer_to(const brink_request& request, int error, std::string_view text) {
    brink_event event{};
    event.type = BRINK_EVENT_REPLY;
    event.watch = request.watch;
    event.cookie = request.cookie;
    event.error = error;
    set_text(event, text);
    return event;
}

}  // namespace brink::broker
