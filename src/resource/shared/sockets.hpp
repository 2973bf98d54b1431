// SPDX-License-Identifier: Apache-2.0
// What is said of a listening socket.
#pragma once

#include <sys/types.h>

#include "resource/table.hpp"

namespace brink::resource {

/// `owner`: a process that holds it; 0: none is known.
[[nodiscard]] Subject the_socket(const kernel::Machine& machine,
                                 const kernel::ListeningSocket& socket, pid_t owner);

}  // namespace brink::resource
