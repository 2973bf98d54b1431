// SPDX-License-Identifier: Apache-2.0
// The independent count: the kernel's own listing of this process's descriptors, read again and again through one
// directory descriptor on /proc/self/fd. Reading it opens and closes nothing (lseek, getdents64), it lists what is
// installed and nothing that is merely reserved, and it counts itself, since it is open.
// Not thread-safe: the listing is kept in one static buffer.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace brink::work {

class DescriptorDirectory {
  public:
    explicit DescriptorDirectory(int fd) : fd_(fd) {}

    // Without O_CLOEXEC: it lives on through exec, for the same process.
    static DescriptorDirectory open_own() {
        const int fd = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
        if (fd < 0) {
            std::perror("/proc/self/fd");
            std::exit(3);
        }
        return DescriptorDirectory(fd);
    }

    int fd() const { return fd_; }

    // Calls visit(number) for each installed descriptor; returns how many there are.
    template <typename Visit>
    unsigned for_each(Visit visit) const {
        unsigned count = 0;
        if (::lseek(fd_, 0, SEEK_SET) != 0) std::abort();
        for (;;) {
            alignas(8) static char buffer[32768];
            const long got = ::syscall(SYS_getdents64, fd_, buffer, sizeof buffer);
            if (got < 0) std::abort();
            if (got == 0) return count;
            for (long at = 0; at < got;) {
                std::uint16_t length = 0;
                std::memcpy(&length, buffer + at + 16, sizeof length);
                const char* name = buffer + at + 19;
                if (*name != '.') {
                    ++count;
                    visit(std::atoi(name));
                }
                at += length;
            }
        }
    }

    unsigned count() const {
        return for_each([](int) {});
    }

  private:
    int fd_;
};

}  // namespace brink::work
