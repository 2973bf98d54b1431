// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value, or an Error with the errno behind it and a sentence for people.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace brink {

struct Error {
    int code = 0;         ///< errno, or 0 where no system call was involved
    std::string message;  ///< complete: what was given, what is wrong, what would be right
};

template <typename T>
using Result = tl::expected<T, Error>;

/// An error that says `message` and nothing else.
[[nodiscard]] inline tl::unexpected<Error> fail(std::string message, int code = 0) {
    return tl::unexpected<Error>(Error{code, std::move(message)});
}

/// An error "what: strerror(code)".
[[nodiscard]] inline tl::unexpected<Error> fail_errno(const std::string& what, int code = errno) {
    return tl::unexpected<Error>(Error{code, what + ": " + std::strerror(code)});
}

}  // namespace brink
