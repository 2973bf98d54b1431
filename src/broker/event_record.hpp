// SPDX-License-Identifier: Apache-2.0
// The same thing in two forms: the record that a source hands over, and the event that a client reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "bpf/wire.h"
#include "brink/protocol.h"
#include "broker/client.hpp"

namespace brink::broker {

/// `record` of `watch`, from `engine`, for `peer`, in the peer's numbers; `watch` and `seq` of the event are left out. nullopt: it is none
/// for clients.
[[nodiscard]] std::optional<brink_event> event_of(const brink_record& record,
                                                  const ClientWatch& watch, const Peer& peer,
                                                  std::string_view engine);

/// The record that `event` was made of, as far as a client may know it. nullopt: it was none.
[[nodiscard]] std::optional<brink_record> record_of(const brink_event& event);

/// enum brink_event_engine of "kernel", and so on, and back.
[[nodiscard]] std::uint8_t engine_number(std::string_view name);
[[nodiscard]] std::string_view engine_name(std::uint8_t number);

}  // namespace brink::broker
