// SPDX-License-Identifier: Apache-2.0
// What a BPF iterator writes: records of one type, one after the other.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include "base/result.hpp"

namespace brink::kernel {

/// Reads `fd` (bpf_iter_create) to its end. Records come whole, but a read can end within one.
/// Errors: what read(2) says.
template <typename Record>
[[nodiscard]] Result<std::vector<Record>> read_records(int fd) {
    std::vector<Record> records(256);
    std::size_t bytes = 0;
    for (;;) {
        if (bytes + sizeof(Record) > records.size() * sizeof(Record))
            records.resize(2 * records.size());
        const ssize_t got = ::read(fd, reinterpret_cast<char*>(records.data()) + bytes,
                                   records.size() * sizeof(Record) - bytes);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return fail_errno("cannot read a BPF iterator");
        if (got == 0) break;
        bytes += static_cast<std::size_t>(got);
    }
    records.resize(bytes / sizeof(Record));
    return records;
}

}  // namespace brink::kernel
