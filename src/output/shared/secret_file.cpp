// SPDX-License-Identifier: Apache-2.0
#include "output/shared/secret_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/utf8.hpp"

namespace brink::output {
namespace {

constexpr std::size_t kMostBytes = 4096;
constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

}  // namespace

Result<std::string> read_secret(const std::string& path) {
    const std::string name = in_quotes(path);
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file) return fail_errno(fmt::format("the secret in {} cannot be read", name));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return fail_errno(name);
    if (!S_ISREG(status.st_mode)) return fail(fmt::format("{} is no file", name), EINVAL);
    if ((status.st_mode & kOthers) != 0)
        return fail(fmt::format("{} has mode {:04o}: others could read the secret; chmod 600", name,
                                status.st_mode & 07777U),
                    EPERM);
    if (status.st_uid != 0 && status.st_uid != ::geteuid())
        return fail(fmt::format("{} belongs to user {}; it has to belong to root or to user {}",
                                name, status.st_uid, ::geteuid()),
                    EPERM);
    std::string text(kMostBytes + 1, '\0');
    const ssize_t size = ::read(file.get(), text.data(), text.size());
    if (size < 0) return fail_errno(name);
    text.resize(static_cast<std::size_t>(size));
    if (text.size() > kMostBytes)
        return fail(fmt::format("{} is longer than {} bytes", name, kMostBytes), EFBIG);
    text.resize(std::min(text.size(), text.find_first_of("\r\n")));
    if (text.empty()) return fail(fmt::format("the first line of {} is empty", name), EINVAL);
    return text;
}

}  // namespace brink::output
