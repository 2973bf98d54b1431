// SPDX-License-Identifier: Apache-2.0
// The protocol: whatever a client writes gives requests that keep their bounds, or one clean sentence; and a queue that
// takes any order of events, replies, losses and readings numbers without a gap but for what it says is lost.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "base/utf8.hpp"
#include "broker/event_queue.hpp"
#include "broker/message.hpp"
#include "engine/watch_spec.hpp"

namespace {

using namespace brink;
using namespace brink::broker;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_sentence(std::string_view text) {
    require(!text.empty() && text.size() < 4000);
    require(sanitize_utf8(text) == text);
}

void check_requests(std::span<const std::byte> bytes) {
    Message message;
    read_message(bytes, message);
    require(message.requests.empty() != message.error.empty());
    if (!message.error.empty()) check_sentence(message.error);
    require(message.requests.size() <= BRINK_MAX_REQUESTS);
    for (const brink_request& request : message.requests) {
        const auto checked = check(request);
        if (!checked) {
            require(checked.error().code != 0);
            check_sentence(checked.error().message);
        } else if (request.op == BRINK_REQUEST_ADD) {
            const std::string_view spec(request.spec);
            require(spec.size() < BRINK_SPEC_BYTES);
            const auto watch = engine::parse_watch(spec);
            if (!watch) check_sentence(watch.error().message);
            if (watch) require(engine::wire_watch(*watch).n_levels <= BRINK_MAX_LEVELS);
        }
    }
}

// A reader that counts.
struct Reader {
    std::uint64_t last = 0;
    std::uint64_t seen = 0;
    std::uint64_t lost = 0;

    void read(EventQueue& queue, std::size_t count) {
        for (; count > 0 && queue.size() > 0; --count) {
            const brink_event event = queue.at(0);
            queue.pop(1);
            if (event.type == BRINK_EVENT_REPLY) continue;
            if (event.type == BRINK_EVENT_LOST) lost += event.count;
            require(event.seq == last + 1 + (event.type == BRINK_EVENT_LOST ? event.count : 0));
            last = event.seq;
            seen += event.type != BRINK_EVENT_LOST;
        }
    }
};

void check_queue(std::span<const std::byte> bytes) {
    std::size_t all_bytes = 0;
    {
        EventQueue queue(32, all_bytes, 24 * sizeof(brink_event));
        Reader reader;
        std::uint64_t pushed = 0;
        for (const std::byte byte : bytes) {
            const auto value = std::to_integer<unsigned>(byte);
            brink_event event{};
            event.type = value & 8U ? BRINK_EVENT_EXIT : BRINK_EVENT_CROSSING;
            event.subject = value >> 4U;
            switch (value & 7U) {
                case 0: reader.read(queue, value >> 3U); break;
                case 1: queue.reply(event = {.type = BRINK_EVENT_REPLY}); break;
                case 2: queue.lose(value >> 5U), pushed += value >> 5U; break;
                case 3: require(queue.take_affected(value >> 3U).size() <= value >> 3U); break;
                default: queue.push(event), ++pushed;
            }
            require(queue.size() - queue.replies() <= 32 + 2 + 1024);
        }
        while (queue.size() > 0) reader.read(queue, 1);
        require(reader.seen + reader.lost == pushed);
    }
    require(all_bytes == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    check_requests(bytes);
    check_queue(bytes.first(std::min<std::size_t>(size, 4096)));
    return 0;
}
