// SPDX-License-Identifier: Apache-2.0
// SharedNames: who an event is about, where that is no process, and who acted.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "brink/event.hpp"
#include "brink/resource.hpp"
#include "bpf/wire.h"

namespace brink::engine {

class SharedNames {
  public:
    /// Fills in the subject of `record`, which is of `scope`, and the process that acted, where it is known.
    void fill(Event& event, const brink_record& record, Scope scope);

  private:
    void fill_user(Event& event, const brink_record& record);

    std::uint32_t own_namespace_ = 0;  // 0: not asked yet
    std::map<std::uint32_t, std::string> users_;
};

}  // namespace brink::engine
