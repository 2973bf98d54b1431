// SPDX-License-Identifier: Apache-2.0
#include "engine/subject_match.hpp"

#include <gtest/gtest.h>

#include "../../support/fake_proc.hpp"

namespace brink::engine {
namespace {

Selection by(SelectBy how, std::string value = {}, uid_t uid = 0) {
    return {.by = how, .value = std::move(value), .uid = uid};
}

TEST(SubjectMatch, CgroupsByPath) {
    const Selection selection = by(SelectBy::cgroup, "/a/b");
    EXPECT_EQ(match_cgroup(selection, "/a/b"), Match::named);
    EXPECT_EQ(match_cgroup(selection, "/a/b/c"), Match::yes);
    EXPECT_EQ(match_cgroup(selection, "/a/bc"), Match::no);
    EXPECT_EQ(match_cgroup(selection, "/a"), Match::no);
    EXPECT_EQ(match_cgroup(by(SelectBy::cgroup, "/"), "/x"), Match::yes);
    EXPECT_EQ(match_cgroup(by(SelectBy::cgroup, "/"), "/"), Match::named);
    EXPECT_EQ(match_cgroup(by(SelectBy::all), "/x"), Match::yes);
    EXPECT_EQ(match_cgroup(by(SelectBy::user, "root"), "/x"), Match::no);
}

TEST(SubjectMatch, CgroupsByUnit) {
    const Selection selection = by(SelectBy::unit, "web.service");
    EXPECT_EQ(match_cgroup(selection, "/system.slice/web.service"), Match::named);
    EXPECT_EQ(match_cgroup(selection, "/system.slice/web.service/worker"), Match::yes);
    EXPECT_EQ(match_cgroup(selection, "/system.slice/my-web.service"), Match::no);
    EXPECT_EQ(match_cgroup(selection, "/"), Match::no);
    EXPECT_EQ(match_cgroup(selection, ""), Match::no);
}

TEST(SubjectMatch, CgroupsByContainer) {
    const Selection selection = by(SelectBy::container, "3f2a5b6c7d8e");
    EXPECT_EQ(match_cgroup(selection, "/docker/3f2a5b6c7d8e9f"), Match::named);
    EXPECT_EQ(match_cgroup(selection, "/system.slice/docker-3f2a5b6c7d8e9f.scope"), Match::named);
    EXPECT_EQ(match_cgroup(selection, "/machine.slice/libpod-3f2a5b6c7d8e9f.scope/container"),
              Match::yes);
    EXPECT_EQ(match_cgroup(selection, "/docker/a3f2a5b6c7d8e9f"), Match::no)
        << "in the middle of another ID";
}

TEST(SubjectMatch, UsersAndTheSystem) {
    const kernel::Procfs procfs;
    resource::Subject user;
    user.uid = 1000;
    const Resource& nproc = *find_resource("nproc");
    EXPECT_EQ(match(by(SelectBy::user, "x", 1000), nproc, user, procfs), Match::named);
    EXPECT_EQ(match(by(SelectBy::user, "y", 1001), nproc, user, procfs), Match::no);
    EXPECT_EQ(match(by(SelectBy::all), nproc, user, procfs), Match::yes);
    const resource::Subject system;
    EXPECT_EQ(match(by(SelectBy::system), *find_resource("swap"), system, procfs), Match::named);
    EXPECT_EQ(match(by(SelectBy::system), *find_resource("pressure_io"), system, procfs),
              Match::named);
    EXPECT_EQ(match(by(SelectBy::cgroup, "/"), *find_resource("pressure_io"), system, procfs),
              Match::no);
}

TEST(SubjectMatch, SocketsByTheirOwner) {
    const test::FakeProc proc;
    proc.process(7, "nginx", 1, 100);
    proc.write("7/status", "Name:\tnginx\nTgid:\t7\nUid:\t33\t0\t33\t33\n");
    proc.write("7/cgroup", "0::/system.slice/nginx.service\n");
    proc.link("7/exe", "/usr/sbin/nginx");
    const kernel::Procfs procfs(proc.root());
    const Resource& queue = *find_resource("accept_queue");
    resource::Subject socket;
    socket.pid = 7;
    EXPECT_EQ(match(by(SelectBy::comm, "nginx"), queue, socket, procfs), Match::yes);
    EXPECT_EQ(match(by(SelectBy::comm, "ngin"), queue, socket, procfs), Match::no);
    EXPECT_EQ(match(by(SelectBy::exe, "/usr/sbin/nginx"), queue, socket, procfs), Match::yes);
    EXPECT_EQ(match(by(SelectBy::user, "www-data", 33), queue, socket, procfs), Match::yes);
    EXPECT_EQ(match(by(SelectBy::user, "root", 0), queue, socket, procfs), Match::no);
    EXPECT_EQ(match(by(SelectBy::unit, "nginx.service"), queue, socket, procfs), Match::yes);
    socket.pid = {};
    EXPECT_EQ(match(by(SelectBy::unit, "nginx.service"), queue, socket, procfs), Match::no);
    EXPECT_EQ(match(by(SelectBy::all), queue, socket, procfs), Match::yes);
}

}  // namespace
}  // namespace brink::engine
