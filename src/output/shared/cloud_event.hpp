// SPDX-License-Identifier: Apache-2.0
// The attributes of an event as a CloudEvent 1.0 (https://cloudevents.io).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "output/output.hpp"

namespace brink::output {

/// "id" first, then source, specversion, type, time and subject. The same entry always has the same id: a receiver that sees
/// it twice can tell. `host`: for an event that does not say its own; `source`: "/brink/HOST" where it is empty.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> cloud_attributes_of(
    const Entry& entry, const std::string& host, const std::string& source);

}  // namespace brink::output
