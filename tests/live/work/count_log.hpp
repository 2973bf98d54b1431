// SPDX-License-Identifier: Apache-2.0
// The log of the independent count, shared by a workload (which writes one record after every operation) and the test
// (which derives the expected events from it). It is a mapping of a file that the test made and whose descriptor the
// workload inherited, so that logging makes no descriptor operation of its own, not even after exec.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace brink::work {

struct CountRecord {
    std::uint64_t op;            // number of the operation, from 0
    std::uint64_t count;         // usage after it: installed descriptors, bytes, …
    std::uint64_t soft_limit;    // of that resource, after it
    std::uint64_t child_count;   // what a child was born with
    std::int32_t child_pid;      // that child, or 0
    std::int32_t refused_errno;  // what the kernel refused it with, or 0
    char name[40];
};
static_assert(sizeof(CountRecord) == 80);

struct CountLogHeader {
    std::uint64_t magic;
    std::uint64_t capacity;
    std::atomic<std::uint64_t> size;
    std::int32_t pid;
    std::int32_t pad;
};

class CountLog {
  public:
    static constexpr std::uint64_t kMagic = 0x62726b636e743031;
    static constexpr std::size_t kHeaderBytes = 4096;
    static constexpr std::size_t kStateBytes =
        65536;  // for the workload: what it must not forget through exec

    static std::size_t bytes(std::uint64_t capacity) {
        return kHeaderBytes + kStateBytes +
               static_cast<std::size_t>(capacity) * sizeof(CountRecord);
    }

    // The test: sizes the file behind `fd` and maps it. The workload: maps what it finds.
    static CountLog create(int fd, std::uint64_t capacity) {
        if (::ftruncate(fd, static_cast<off_t>(bytes(capacity))) != 0) fail("ftruncate");
        CountLog log(fd, bytes(capacity));
        log.header()->magic = kMagic;
        log.header()->capacity = capacity;
        return log;
    }
    static CountLog attach(int fd) {
        const off_t size = ::lseek(fd, 0, SEEK_END);
        if (size < static_cast<off_t>(bytes(1))) fail("the file is no count log");
        CountLog log(fd, static_cast<std::size_t>(size));
        if (log.header()->magic != kMagic) fail("the file is no count log");
        return log;
    }

    CountLogHeader* header() const { return reinterpret_cast<CountLogHeader*>(base_); }
    void* state() const { return base_ + kHeaderBytes; }
    std::uint64_t size() const { return header()->size.load(std::memory_order_acquire); }
    const CountRecord& at(std::uint64_t index) const { return records()[index]; }

    void append(const char* name, CountRecord record) const {
        const std::uint64_t index = header()->size.load(std::memory_order_relaxed);
        if (index >= header()->capacity) fail("the count log is full");
        record.op = index;
        std::snprintf(record.name, sizeof record.name, "%s", name);
        records()[index] = record;
        header()->size.store(index + 1, std::memory_order_release);
    }

  private:
    CountLog(int fd, std::size_t size) {
        void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (mapped == MAP_FAILED) fail("mmap");
        base_ = static_cast<char*>(mapped);
    }
    CountRecord* records() const {
        return reinterpret_cast<CountRecord*>(base_ + kHeaderBytes + kStateBytes);
    }
    [[noreturn]] static void fail(const char* what) {
        std::fprintf(stderr, "count log: %s\n", what);
        std::exit(3);
    }

    char* base_;
};

}  // namespace brink::work
