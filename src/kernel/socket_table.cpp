// SPDX-License-Identifier: Apache-2.0
// Parsing /proc/PID/net/{tcp,tcp6,udp,udp6,unix}. The files are read in pieces and line by line:
// on a large server tcp alone has hundreds of thousands of lines.
#include "kernel/socket_table.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "kernel/file_text.hpp"

namespace brink::kernel {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;
constexpr unsigned kListen = 10;

// enum of include/net/tcp_states.h
std::string tcp_state(unsigned state) {
    static constexpr std::array<const char*, 13> kNames = {
        "?",     "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",   "TIME_WAIT",
        "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV"};
    return state < kNames.size() ? kNames[state] : "state " + std::to_string(state);
}

struct Address {
    std::string host;
    unsigned port = 0;
    bool any = false;  ///< 0.0.0.0 or ::
    [[nodiscard]] std::string text() const { return host + ":" + std::to_string(port); }
};

// "0100007F:1F90", and four such words for IPv6: each word is the network-order address read as a
// native integer, the port is in host order.
std::optional<Address> parse_address(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon != 8 && colon != 32) return std::nullopt;
    const auto port = to_number<unsigned>(text.substr(colon + 1), 16);
    std::array<std::uint32_t, 4> words{};
    const std::size_t n_words = colon / 8;
    for (std::size_t i = 0; i < n_words; ++i) {
        const auto word = to_number<std::uint32_t>(text.substr(8 * i, 8), 16);
        if (!word) return std::nullopt;
        words[i] = *word;
    }
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    const int family = n_words == 1 ? AF_INET : AF_INET6;
    if (!port || ::inet_ntop(family, words.data(), buffer.data(), buffer.size()) == nullptr)
        return std::nullopt;
    Address address;
    address.host = n_words == 1 ? buffer.data() : "[" + std::string(buffer.data()) + "]";
    address.port = *port;
    address.any = words == std::array<std::uint32_t, 4>{};
    return address;
}

// Lines of a file as they are read; a line longer than the buffer is dropped.
class LineReader {
  public:
    explicit LineReader(const std::string& path)
        : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}

    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(fd_); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    std::optional<std::string_view> next() {
        for (;;) {
            const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
            const std::size_t newline = rest.find('\n');
            if (newline != std::string_view::npos) {
                begin_ += newline + 1;
                return rest.substr(0, newline);
            }
            if (!fill()) return std::nullopt;
        }
    }

  private:
    bool fill() {
        if (begin_ == 0 && end_ == buffer_.size()) end_ = 0;
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        const ssize_t got = ::read(fd_.get(), buffer_.data() + end_, buffer_.size() - end_);
        if (got <= 0) return false;
        end_ += static_cast<std::size_t>(got);
        bytes_ += static_cast<std::size_t>(got);
        return true;
    }

    Fd fd_;
    std::vector<char> buffer_ = std::vector<char>(65536);
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace

void SocketTable::read(const std::string& net, const std::unordered_set<Inode>& wanted,
                       Clock::time_point deadline) {
    wanted_ = &wanted;
    deadline_ = deadline;
    for (const std::string_view protocol : {"unix", "tcp", "tcp6", "udp", "udp6"})
        if (!complete()) read_file(net + "/" + std::string(protocol), protocol);
    name_inet();
    wanted_ = nullptr;
}

const SocketName* SocketTable::find(Inode inode) const {
    const auto found = names_.find(inode);
    return found == names_.end() ? nullptr : &found->second;
}

// Inet sockets wait for name_inet(): whether one was accepted is known when all listeners are.
bool SocketTable::complete() const { return inet_.empty() && names_.size() >= wanted_->size(); }

void SocketTable::read_file(const std::string& path, std::string_view protocol) {
    LineReader lines(path);
    if (!lines) {
        if (errno != ENOENT) unavailable_ = "cannot read " + path + ": " + std::strerror(errno);
        return;
    }
    (void)lines.next();  // titles
    unsigned n_lines = 0;
    while (const auto line = lines.next()) {
        if (protocol == "unix")
            read_unix_line(*line);
        else
            read_inet_line(*line, protocol);
        const bool late = ++n_lines % 256 == 0 && Clock::now() >= deadline_;
        if (!late && lines.bytes() < kMaxFileBytes) continue;
        unavailable_ = path + " is too long to be read to its end";
        return;
    }
}

// sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
void SocketTable::read_inet_line(std::string_view line, std::string_view protocol) {
    (void)next_word(line);
    const auto local = parse_address(next_word(line));
    const auto remote = parse_address(next_word(line));
    const auto state = to_number<unsigned>(next_word(line), 16);
    for (int skipped = 0; skipped < 5; ++skipped) (void)next_word(line);
    const auto inode = to_number<Inode>(next_word(line));
    if (!local || !remote || !state || !inode) return;
    const std::string_view family = protocol.substr(0, 3);
    if (family == "tcp" && *state == kListen) listening_.emplace(family, local->port);
    if (*inode == 0 || !wanted_->contains(*inode)) return;
    Inet socket{.protocol = family,
                .local = local->text(),
                .remote_host = remote->host,
                .remote = remote->any && remote->port == 0 ? "" : remote->text(),
                .state = family == "tcp" ? tcp_state(*state) : "",
                .local_port = local->port};
    inet_.insert_or_assign(*inode, std::move(socket));
}

void SocketTable::name_inet() {
    for (const auto& [inode, socket] : inet_) {
        SocketName name;
        name.wide = socket.protocol;
        if (!socket.state.empty()) name.wide += " " + socket.state;
        const bool accepted = listening_.contains({socket.protocol, socket.local_port});
        if (accepted && !socket.remote.empty())
            name.wide += " on port " + std::to_string(socket.local_port);
        name.narrow = name.wide;
        if (socket.remote.empty())
            name.narrow += " " + socket.local;
        else
            name.narrow += accepted ? " from " + socket.remote_host : " to " + socket.remote;
        names_.insert_or_assign(inode, std::move(name));
    }
    inet_.clear();
}

// Num RefCount Protocol Flags Type St Inode Path
void SocketTable::read_unix_line(std::string_view line) {
    for (int skipped = 0; skipped < 3; ++skipped) (void)next_word(line);
    const auto flags = to_number<std::uint32_t>(next_word(line), 16);
    (void)next_word(line);
    const auto state = to_number<unsigned>(next_word(line), 16);
    const auto inode = to_number<Inode>(next_word(line));
    if (!flags || !state || !inode || !wanted_->contains(*inode)) return;
    const bool listens = (*flags & 0x10000U) != 0;  // __SO_ACCEPTCON
    std::string text = listens ? "unix LISTEN" : *state == 3 ? "unix CONNECTED" : "unix";
    line.remove_prefix(line.empty() ? 0 : 1);
    SocketName name{.narrow = text, .wide = text};
    if (!line.empty()) name.narrow += " " + std::string(line);
    names_.insert_or_assign(*inode, std::move(name));
}

}  // namespace brink::kernel
