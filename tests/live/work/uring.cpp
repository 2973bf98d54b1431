// SPDX-License-Identifier: Apache-2.0
// Opens and closes through io_uring, in the ordinary descriptor table: inline, and by worker threads of the kernel
// (--async). After every completion the independent count goes into the log.
#include <fcntl.h>
#include <liburing.h>
#include <sys/resource.h>

#include <cstdio>

#include "count_log.hpp"
#include "descriptor_directory.hpp"
#include "gate.hpp"
#include "options.hpp"

namespace {

int complete(io_uring& ring) {
    io_uring_cqe* cqe = nullptr;
    if (::io_uring_submit_and_wait(&ring, 1) < 0 || ::io_uring_wait_cqe(&ring, &cqe) != 0)
        return -EIO;
    const int result = cqe->res;
    ::io_uring_cqe_seen(&ring, cqe);
    return result;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace brink::work;
    long times = 100;
    long low = 0;
    long high = 0;
    long log_fd = -1;
    bool async = false;
    bool gate = false;
    Options("uring", "IORING_OP_OPENAT and IORING_OP_CLOSE between two counts.")
        .positional("N", "how many times up and down again", &times)
        .number("low", "the lower count (required)", &low)
        .number("high", "the higher count (required)", &high)
        .number("log-fd", "inherited descriptor of the count log (required)", &log_fd)
        .flag("async", "IOSQE_ASYNC: the operations are done by worker threads", &async)
        .flag("gate", "say `ready PID` and wait for a line before the first operation", &gate)
        .parse(argc, argv);
    const CountLog log = CountLog::attach(static_cast<int>(log_fd));
    io_uring ring{};
    const int error = ::io_uring_queue_init(8, &ring, 0);
    if (error < 0) {
        std::fprintf(stderr, "uring: io_uring_queue_init: %s\n", std::strerror(-error));
        return 77;  // not available here
    }
    const DescriptorDirectory directory = DescriptorDirectory::open_own();
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const auto logged = [&](const char* name) {
        CountRecord record{};
        record.count = directory.count();
        record.soft_limit = static_cast<std::uint32_t>(limit.rlim_cur);
        log.append(name, record);
        return static_cast<unsigned>(record.count);
    };
    log.header()->pid = ::getpid();
    logged("start");
    static int fds[4096];
    long count = directory.count();
    if (low < count || high > 4000) return 2;
    ready_and_wait(gate);
    for (long i = 0; i < times; ++i) {
        for (; count < high; ++count) {
            io_uring_sqe* sqe = ::io_uring_get_sqe(&ring);
            ::io_uring_prep_openat(sqe, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
            if (async) ::io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
            must((fds[count] = complete(ring)) >= 0, "IORING_OP_OPENAT");
            must(logged("uring_openat") == count + 1, "the count after IORING_OP_OPENAT");
        }
        for (; count > low; --count) {
            io_uring_sqe* sqe = ::io_uring_get_sqe(&ring);
            ::io_uring_prep_close(sqe, fds[count - 1]);
            if (async) ::io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
            must(complete(ring) == 0, "IORING_OP_CLOSE");
            must(logged("uring_close") == count - 1, "the count after IORING_OP_CLOSE");
        }
    }
    say("uring: " + std::to_string(log.size() - 1) + " operations");
    return 0;
}
