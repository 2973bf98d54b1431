// SPDX-License-Identifier: Apache-2.0
// The state of one random sequence: the generator, the model of the descriptor table, and the log of the independent
// count. All of it lies in the shared mapping, so that it goes on after exec. After every operation the kernel's own
// listing is compared with the model, number by number; a difference ends the program loudly, because then the test
// itself would be wrong.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "../count_log.hpp"
#include "../descriptor_directory.hpp"
#include "../random.hpp"

namespace brink::work {

inline constexpr int kMaxFd = 4096;
inline constexpr int kMaxKinds = 128;

enum FdState : std::uint8_t { kClosed = 0, kOpen = 1, kCloexec = 2, kKept = 4 };

struct SequenceState {
    std::uint64_t random;
    std::uint64_t operations_left;
    std::uint32_t low, high;  // where the drift turns
    std::uint32_t execs;
    std::uint32_t rising;
    std::uint32_t lowest_limit;  // the soft limit is never lowered below this
    std::uint32_t soft_limit;
    std::uint32_t count_low, count_high;  // reached
    std::uint32_t int80;                  // the 32-bit system call entry works
    std::uint32_t close_all;
    std::int32_t directory, listener, scm_sender, scm_receiver, fanotify, fanotify_file,
        namespace_file;
    std::int32_t first_free;  // descriptors below this one are kept open
    std::uint32_t successes[kMaxKinds];
    std::uint8_t fds[kMaxFd];
};
static_assert(sizeof(SequenceState) <= CountLog::kStateBytes);

class Sequence {
  public:
    explicit Sequence(CountLog log)
        : log_(log), s_(*static_cast<SequenceState*>(log.state())), dir_(s_.directory) {}

    SequenceState& state() { return s_; }
    const CountLog& log() const { return log_; }
    const DescriptorDirectory& directory() const { return dir_; }

    std::uint64_t random() { return next_random(s_.random); }
    int below(int bound) { return static_cast<int>(random() % static_cast<std::uint64_t>(bound)); }
    bool one_in(int n) { return below(n) == 0; }

    int limit() const { return static_cast<int>(s_.soft_limit < kMaxFd ? s_.soft_limit : kMaxFd); }
    bool is_open(int fd) const { return fd >= 0 && fd < kMaxFd && (s_.fds[fd] & kOpen) != 0; }
    bool is_kept(int fd) const { return is_open(fd) && (s_.fds[fd] & kKept) != 0; }

    int lowest_free(int from = 0) const {
        int fd = from;
        while (fd < kMaxFd && is_open(fd)) ++fd;
        return fd;
    }
    // An open descriptor that may be closed or overwritten, or -1.
    int any_loose() {
        const int start = below(limit());
        for (int i = 0; i < limit(); ++i) {
            const int fd = (start + i) % limit();
            if (is_open(fd) && !is_kept(fd)) return fd;
        }
        return -1;
    }
    int any_open() {
        const int fd = any_loose();
        return fd >= 0 && !one_in(8) ? fd : s_.directory;
    }
    int any_closed() {
        const int room = one_in(4) ? limit() : static_cast<int>(s_.high) * 2 + s_.first_free;
        const int span = room < limit() ? room : limit();
        for (int attempt = 0; attempt < 1000; ++attempt) {
            const int fd = below(span);
            if (!is_open(fd)) return fd;
        }
        return lowest_free();
    }

    void opened(int fd, bool cloexec) {
        if (fd < 0) return;
        if (fd >= kMaxFd) die("a descriptor beyond the model");
        s_.fds[fd] = static_cast<std::uint8_t>(kOpen | (cloexec ? kCloexec : 0));
    }
    void closed(int fd) { s_.fds[fd] = kClosed; }

    // One operation is done: `result` is what it returned, -1 with errno when the kernel refused.
    void done(const char* name, long result, std::int32_t child = 0,
              std::uint32_t child_count = 0) {
        const int error = result < 0 ? errno : 0;
        CountRecord record{};
        record.count = verify(name);
        record.soft_limit = s_.soft_limit;
        record.child_pid = child;
        record.child_count = child_count;
        record.refused_errno = error;
        log_.append(name, record);
        const auto count = static_cast<std::uint32_t>(record.count);
        if (count < s_.count_low) s_.count_low = count;
        if (count > s_.count_high) s_.count_high = count;
        if (s_.rising != 0 && count >= s_.high) s_.rising = 0;
        if (s_.rising == 0 && count <= s_.low) s_.rising = 1;
    }

    std::uint32_t count_in_model() const {
        std::uint32_t count = 0;
        for (std::uint8_t fd : s_.fds) count += (fd & kOpen) != 0 ? 1U : 0U;
        return count;
    }

    [[noreturn]] static void die(const char* what) {
        std::fprintf(stderr, "fdops: %s\n", what);
        std::abort();
    }

  private:
    std::uint32_t verify(const char* name) {
        static std::uint8_t seen[kMaxFd];
        std::memset(seen, 0, sizeof seen);
        const unsigned count = dir_.for_each([](int fd) {
            if (fd >= kMaxFd) die("a descriptor beyond the model");
            seen[fd] = 1;
        });
        bool same = true;
        for (int fd = 0; fd < kMaxFd; ++fd) {
            if ((seen[fd] != 0) == is_open(fd)) continue;
            same = false;
            std::fprintf(
                stderr,
                "fdops: after %s (operation %llu): descriptor %d is %s, the model says %s\n", name,
                static_cast<unsigned long long>(log_.size()), fd, seen[fd] != 0 ? "open" : "closed",
                is_open(fd) ? "open" : "closed");
        }
        if (!same) std::abort();
        return count;
    }

    CountLog log_;
    SequenceState& s_;
    DescriptorDirectory dir_;
};

}  // namespace brink::work
