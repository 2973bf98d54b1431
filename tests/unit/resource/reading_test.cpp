// SPDX-License-Identifier: Apache-2.0
// What the rows of the table make of files that tests have written. Against the kernel itself: tests/live.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "../../support/fake_proc.hpp"
#include "resource/table.hpp"

namespace brink::resource {
namespace {

class OnFiles : public testing::Test {
  protected:
    // By name of the subject.
    std::map<std::string, Reading> read(const char* resource) {
        kernel::Machine machine(files_.root() + "/proc", files_.root() + "/sys");
        std::map<std::string, Reading> rows;
        const auto remark = definition_of(*find_resource(resource))
                                .read_all(machine,
                                          [&](const Subject& subject, const Reading& reading) {
                                              rows[subject.name] = reading;
                                          });
        remark_ = remark ? *remark : remark.error().message;
        return rows;
    }
    void expect_system(const char* resource, std::uint64_t usage, std::uint64_t limit) {
        const auto rows = read(resource);
        ASSERT_EQ(rows.size(), 1U) << resource << ": " << remark_;
        EXPECT_EQ(rows.begin()->second.usage, usage) << resource;
        EXPECT_EQ(rows.begin()->second.limit, limit) << resource;
    }
    test::FakeProc files_;
    std::string remark_;
};

TEST_F(OnFiles, NumbersOfTheSystem) {
    files_.write("proc/sys/fs/file-nr", "3136\t0\t9223372036854775807\n");
    files_.write("proc/sys/fs/file-max", "9223372036854775807\n");
    expect_system("file_nr", 3136, 9223372036854775807U);
    files_.write("proc/loadavg", "0.10 0.20 0.30 2/345 9999\n");
    files_.write("proc/sys/kernel/pid_max", "32768\n");
    files_.write("proc/sys/kernel/threads-max", "1000\n");
    expect_system("pid_max", 345, 32768);
    expect_system("threads_max", 345, 1000);
    files_.write("proc/sys/net/netfilter/nf_conntrack_count", "12\n");
    files_.write("proc/sys/net/netfilter/nf_conntrack_max", "65536\n");
    expect_system("conntrack", 12, 65536);
    files_.write("proc/sys/net/netfilter/nf_conntrack_max", "0\n");
    expect_system("conntrack", 12, kUnlimited);
    files_.write("proc/meminfo", "MemTotal: 5 kB\nSwapTotal:     1000 kB\nSwapFree:  400 kB\n");
    expect_system("swap", 600UL * 1024, 1000UL * 1024);
    files_.write(
        "proc/net/sockstat",
        "sockets: used 17\nTCP: inuse 1 orphan 0 tw 0 alloc 2 mem 229\nUDP: inuse 0 mem 7\n");
    files_.write("proc/sys/net/ipv4/tcp_mem", "100\t200\t300\n");
    expect_system("tcp_mem", 229UL * 4096, 300UL * 4096);
}

TEST_F(OnFiles, WhatIsNotThereIsSaid) {
    EXPECT_TRUE(read("conntrack").empty());
    EXPECT_EQ(remark_, "nf_conntrack is not loaded");
    files_.write("proc/meminfo", "SwapTotal: 0 kB\nSwapFree: 0 kB\n");
    EXPECT_TRUE(read("swap").empty());
    EXPECT_EQ(remark_, "there is no swap");
    EXPECT_TRUE(read("hugepages").empty());
    EXPECT_EQ(remark_, "there are no huge pages");
    EXPECT_TRUE(read("pressure_io").empty());
    EXPECT_NE(remark_.find("CONFIG_PSI"), std::string::npos);
    files_.write("proc/self/mountinfo", "");
    EXPECT_TRUE(read("pids").empty());
    EXPECT_NE(remark_.find("pids is mounted"), std::string::npos);
}

TEST_F(OnFiles, HugePagesOfEachSize) {
    const std::string small = "sys/kernel/mm/hugepages/hugepages-2048kB/";
    for (const auto& [name, value] :
         {std::pair("nr_hugepages", "10"), std::pair("free_hugepages", "7"),
          std::pair("resv_hugepages", "2"), std::pair("nr_overcommit_hugepages", "5"),
          std::pair("surplus_hugepages", "3")})
        files_.write(small + name, std::string(value) + "\n");
    const auto rows = read("hugepages");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows.begin()->first, "pages of 2048kB");
    EXPECT_EQ(rows.begin()->second.usage, 5U);
    EXPECT_EQ(rows.begin()->second.limit, 12U) << "7 of the pool, and 5 that may be made";
}

TEST_F(OnFiles, PressureAsTimeInItsWindow) {
    files_.write("proc/pressure/cpu",
                 "some avg10=17.70 avg60=12.26 avg300=3.60 total=5798187034\n");
    files_.write("proc/self/mountinfo", "");
    const auto rows = read("pressure_cpu");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows.at("the system").usage, 354'000'000U);
    EXPECT_EQ(rows.at("the system").limit, 2'000'000'000U);
}

TEST_F(OnFiles, CgroupsAgainstTheirOwnLimits) {
    files_.write("proc/self/mountinfo",
                 "30 22 0:25 / " + files_.root() + "/cg rw - cgroup2 none rw\n");
    files_.write("cg/cgroup.controllers", "memory pids\n");
    files_.write("cg/a.slice/memory.current", "5000\n");
    files_.write("cg/a.slice/memory.max", "max\n");
    files_.write("cg/a.slice/b.service/memory.current", "3000\n");
    files_.write("cg/a.slice/b.service/memory.max", "4096\n");
    files_.write("cg/a.slice/b.service/memory.high", "2048\n");
    files_.write("cg/a.slice/b.service/io.pressure", "some avg10=50.00 avg60=0.00\n");
    files_.write("proc/pressure/io", "some avg10=1.00 avg60=0.00\n");
    const auto rows = read("memory");
    ASSERT_EQ(rows.size(), 2U) << "the root has none";
    EXPECT_EQ(rows.at("cgroup /a.slice").limit, kUnlimited);
    EXPECT_EQ(rows.at("cgroup /a.slice/b.service").usage, 3000U);
    EXPECT_EQ(rows.at("cgroup /a.slice/b.service").limit, 4096U);
    EXPECT_EQ(read("memory_high").at("cgroup /a.slice/b.service").limit, 2048U);
    const auto pressure = read("pressure_io");  // although the controller is not enabled
    EXPECT_EQ(pressure.at("the system").usage, 20'000'000U);
    EXPECT_EQ(pressure.at("cgroup /a.slice/b.service").usage, 1'000'000'000U);
}

TEST_F(OnFiles, CgroupsHaveNoLimitForSeveralReasons) {
    files_.write("proc/self/mountinfo",
                 "30 22 0:25 / " + files_.root() + "/cg rw - cgroup2 none rw\n");
    files_.write("cg/cgroup.controllers", "memory pids\n");
    EXPECT_TRUE(read("memory").empty());
    EXPECT_EQ(remark_, "there is no cgroup but the root, which has no limit");
    files_.write("cg/a/cgroup.procs", "");
    EXPECT_TRUE(read("memory").empty());
    EXPECT_NE(remark_.find("none of 2 cgroups"), std::string::npos);
    files_.write("proc/self/mountinfo",
                 "30 22 0:25 / " + files_.root() + "/cg rw - cgroup none rw,memory\n");
    EXPECT_TRUE(read("memory_high").empty());
    EXPECT_NE(remark_.find("cgroup v1"), std::string::npos);
}

TEST(Table, EveryResourceCanBeReadOrSaysWhyNot) {
    std::set<std::string_view> names;
    for (const Resource* resource : resources()) {
        const Definition& definition = definition_of(*resource);
        const bool read = definition.read_process || definition.read_all;
        EXPECT_EQ(read, resource->unreadable.empty()) << resource->name;
        EXPECT_EQ(definition.read_process != nullptr, read && resource->scope == Scope::process)
            << resource->name;
        EXPECT_FALSE(resource->summary.empty() || resource->exactness.empty() ||
                     resource->limited_by.empty())
            << resource->name;
        EXPECT_TRUE(names.insert(resource->name).second) << resource->name;
    }
}

}  // namespace
}  // namespace brink::resource
