// SPDX-License-Identifier: Apache-2.0
// LibbpfMessages: catches what libbpf would print, for as long as it lives, and turns it into one
// sentence. libbpf has one print function for the whole process, so one of these lives at a time.
#pragma once

#include <string>

namespace brink::kernel {

class LibbpfMessages {
  public:
    LibbpfMessages();
    ~LibbpfMessages();
    LibbpfMessages(const LibbpfMessages&) = delete;
    LibbpfMessages& operator=(const LibbpfMessages&) = delete;

    /// Why a call failed with errno `error`: the cause in words if it is a well-known one, else what
    /// libbpf or the verifier said last. With BRINK_DEBUG set, everything goes to standard error.
    [[nodiscard]] std::string why(int error) const;
};

}  // namespace brink::kernel
