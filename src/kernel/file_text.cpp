// SPDX-License-Identifier: Apache-2.0
// Reading small files whole, links, and directories of numbers.
#include "kernel/file_text.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <memory>

#include "base/fd.hpp"

namespace brink::kernel {

Result<std::string> read_text(const std::string& path, std::size_t max_bytes) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) return fail_errno(path);
    std::string text;
    std::array<char, 16384> buffer;
    while (text.size() < max_bytes) {
        const std::size_t wanted = std::min(buffer.size(), max_bytes - text.size());
        const ssize_t got = ::read(fd.get(), buffer.data(), wanted);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(path);
        if (got == 0) break;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
}

Result<void> for_each_line(const std::string& path,
                           const std::function<void(std::string_view)>& visit) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail_errno(path);
    std::array<char, 65536> buffer;
    std::string pending;
    for (;;) {
        const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(path);
        if (got == 0) break;
        pending.append(buffer.data(), static_cast<std::size_t>(got));
        std::string_view rest = pending;
        for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
            visit(rest.substr(0, end));
            rest.remove_prefix(end + 1);
        }
        pending = rest;
    }
    if (!pending.empty()) visit(pending);
    return {};
}

Result<std::uint64_t> read_number(const std::string& path) {
    const auto text = read_text(path, 64);
    if (!text) return tl::unexpected<Error>(text.error());
    const auto number = to_number<std::uint64_t>(
        std::string_view(*text).substr(0, text->find('\n')));
    if (!number) return fail(path + " has no number", EINVAL);
    return *number;
}

std::optional<std::string> read_link(int at, const std::string& path) {
    std::array<char, PATH_MAX + 64> buffer;  // the kernel may add " (deleted)"
    const ssize_t got = ::readlinkat(at, path.c_str(), buffer.data(), buffer.size());
    if (got < 0) return std::nullopt;
    return std::string(buffer.data(), static_cast<std::size_t>(got));
}

Result<void> for_each_number(const std::string& path,
                             const std::function<bool(std::uint32_t)>& visit) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    if (!directory) return fail_errno(path);
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(directory.get());
        if (entry == nullptr) break;
        const auto number = to_number<std::uint32_t>(entry->d_name);
        if (number && !visit(*number)) return {};
    }
    if (errno != 0) return fail_errno(path);
    return {};
}

std::string_view next_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    const std::string_view word = text.substr(0, text.find_first_of(" \t"));
    text.remove_prefix(word.size());
    return word;
}

std::optional<std::string_view> next_line(std::string_view& text) {
    if (text.empty()) return std::nullopt;
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

}  // namespace brink::kernel
