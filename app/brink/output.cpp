// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "sink/json.hpp"
#include "terminal.hpp"

namespace brink::app {
namespace {

constexpr std::size_t kTogether = 65536;

}  // namespace

Output::Output(OutputFormat format, Fd owned, int fd)
    : format_(format), owned_(std::move(owned)), fd_(fd), text_(text_style(fd)) {}

Result<Output> Output::open(const MonitorOptions& options, int default_fd) {
    if (!options.events) return Output(options.output, Fd{}, default_fd);
    if (options.events->path.empty()) {
        const int fd = options.events->fd;
        const int flags = ::fcntl(fd, F_GETFL);
        if (flags < 0)
            return fail(
                fmt::format("--events fd:{}: no such descriptor is open; the shell opens one "
                            "with {}>FILE",
                            fd, fd),
                errno);
        if ((flags & O_ACCMODE) == O_RDONLY)
            return fail(fmt::format("--events fd:{}: it is open for reading only", fd), EBADF);
        if (fd > 2) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        return Output(options.output, Fd{}, fd);
    }
    const std::string& path = options.events->path;
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!file) return fail_errno("--events " + path);
    const int fd = file.get();
    return Output(options.output, std::move(file), fd);
}

void Output::write(const Event& event) {
    if (closed_) return;
    if (format_ == OutputFormat::json)
        pending_.append(sink::to_json(event)).append("\n");
    else
        pending_ += text_.render(event);
    if (pending_.size() >= kTogether) send();
}

void Output::send() {
    const std::string text = std::exchange(pending_, {});
    if (closed_ || text.empty()) return;
    const int error = write_all(fd_, text);
    if (error == 0) return;
    closed_ = true;
    if (error != EPIPE) error_ = std::strerror(error);
}

void Output::finish() {
    if (format_ == OutputFormat::text) pending_ += text_.flush();
    send();
}

int write_all(int fd, const std::string& text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
        if (n >= 0) {
            done += static_cast<std::size_t>(n);
        } else if (errno == EAGAIN) {
            pollfd ready{fd, POLLOUT, 0};
            ::poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

std::optional<int> print(const std::string& text) {
    const int error = write_all(STDOUT_FILENO, text);
    if (error == 0) return std::nullopt;
    if (error == EPIPE) return 0;
    notice(fmt::format("standard output: {}", std::strerror(error)));
    return 1;
}

void notice(const std::string& message) {
    (void)write_all(STDERR_FILENO, "brink: " + message + "\n");
}

}  // namespace brink::app
