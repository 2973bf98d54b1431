// SPDX-License-Identifier: Apache-2.0
#include "kernel/mapping_breakdown.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "../../support/child_process.hpp"
#include "../../support/fake_proc.hpp"

namespace brink::kernel {
namespace {

using testing::HasSubstr;

std::string as_text(const Evidence& evidence) {
    std::string text = std::to_string(evidence.total);
    for (const EvidenceItem& item : evidence.items)
        text += "; " + item.kind + " " + item.target + " " + std::to_string(item.count);
    return text;
}

constexpr const char* kMaps =
    "1000-3000 r-xp 00000000 fe:01 1234                       /usr/bin/a b\n"
    "3000-4000 rw-p 00002000 fe:01 1234                       /usr/bin/a b\n"
    "5000-15000 rw-p 00000000 00:00 0                          [heap]\n"
    "20000-60000 rw-p 00000000 00:00 0\n"
    "60000-61000 rw-p 00000000 00:00 0 \n"
    "70000-71000 rw-s 00000000 00:01 7                          /dev/shm/x\n"
    "80000-82000 rw-p 00000000 00:00 0                          [stack]\n"
    "90000-91000 rw-p 00000000 00:00 0                          [anon:arena 1]\n";

TEST(MappingBreakdown, GroupsByWhatIsMapped) {
    test::FakeProc proc;
    proc.write("7/maps", kMaps);
    const Procfs procfs(proc.root());
    EXPECT_EQ(as_text(describe_mappings(procfs, 7, MappingMeasure::size)),
              "360448; anonymous  266240; heap  65536; file /usr/bin/a b 12288; stack  8192; "
              "anonymous [anon:arena 1] 4096; shared memory /dev/shm/x 4096");
    EXPECT_EQ(as_text(describe_mappings(procfs, 7, MappingMeasure::count)),
              "8; anonymous  2; file /usr/bin/a b 2; anonymous [anon:arena 1] 1; heap  1; "
              "shared memory /dev/shm/x 1; stack  1");
    EXPECT_EQ(describe_mappings(procfs, 7, MappingMeasure::data).total,
              0x1000U + 0x10000U + 0x40000U + 0x1000U + 0x1000U);
}

TEST(MappingBreakdown, WhatIsResident) {
    test::FakeProc proc;
    proc.write("7/smaps",
               "1000-3000 r-xp 00000000 fe:01 1234       /usr/bin/a\nSize:    8 kB\nRss:     4 kB\n"
               "VmFlags: rd ex\n20000-60000 rw-p 00000000 00:00 0\nSize: 256 kB\nRss:   200 kB\n");
    EXPECT_EQ(as_text(describe_mappings(Procfs(proc.root()), 7, MappingMeasure::resident)),
              "208896; anonymous  204800; file /usr/bin/a 4096");
}

TEST(MappingBreakdown, IsBounded) {
    test::FakeProc proc;
    proc.write("7/maps", kMaps);
    const Evidence few = describe_mappings(Procfs(proc.root()), 7, MappingMeasure::size,
                                           {.items = 1, .links = 4});
    EXPECT_EQ(few.items.size(), 1U);
    EXPECT_EQ(few.omitted, 0x3000U + 0x10000U);
    EXPECT_EQ(few.unavailable, "only 4 mappings were looked at");
}

TEST(MappingBreakdown, SaysWhyThereIsNone) {
    test::FakeProc proc;
    EXPECT_THAT(describe_mappings(Procfs(proc.root()), 7, MappingMeasure::size).unavailable,
                HasSubstr("7/maps: No such file"));
}

// The kernel's own: what a child has just mapped is there.
TEST(MappingBreakdown, FindsWhatAProcessHasMapped) {
    constexpr std::size_t kBytes = 64 << 20;
    const test::ChildProcess child([](char) {
        void* at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                          0);
        std::memset(at, 1, kBytes / 2);
    });
    const Procfs procfs;
    const auto of_anonymous = [&](MappingMeasure measure) {
        for (const EvidenceItem& item : describe_mappings(procfs, child.pid(), measure).items)
            if (item.kind == "anonymous" && item.target.empty()) return item.count;
        return std::uint64_t{0};
    };
    const std::uint64_t size = of_anonymous(MappingMeasure::size);
    const std::uint64_t resident = of_anonymous(MappingMeasure::resident);
    child.tell('m');
    EXPECT_EQ(of_anonymous(MappingMeasure::size), size + kBytes);
    EXPECT_GE(of_anonymous(MappingMeasure::resident), resident + kBytes / 2);
}

}  // namespace
}  // namespace brink::kernel
