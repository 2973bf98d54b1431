// SPDX-License-Identifier: Apache-2.0
// On a tree of folders of the test's own: inotify tells of these as of the kernel's.
#include "kernel/cgroup_follower.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <fstream>

#include "../../support/fake_proc.hpp"

namespace brink::kernel {
namespace {

namespace fs = std::filesystem;

class Follower : public testing::Test {
  protected:
    Follower() {
        make("/a/x");
        Mount mount;
        mount.type = "cgroup2";
        mount.point = files_.root();
        mount.root = "/";
        follower_ =
            CgroupFollower::create(
                *CgroupTree::unified({mount}),
                {.on_birth =
                     [this](const Cgroup& cgroup) {
                         said_ += "+" + cgroup.path() + " ";
                         (void)follower_->follow_file(cgroup, "events", cgroup.path().size());
                     },
                 .on_death = [this](const std::string& path) { said_ += "-" + path + " "; },
                 .on_change =
                     [this](std::uint64_t key) { said_ += "=" + std::to_string(key) + " "; }})
                .value();
    }
    void make(const std::string& path) const { fs::create_directories(files_.root() + path); }
    std::string said() {
        pollfd waiting{follower_->fd(), POLLIN, 0};
        while (::poll(&waiting, 1, 20) > 0) follower_->read();
        return std::exchange(said_, {});
    }

    test::FakeProc files_;
    std::unique_ptr<CgroupFollower> follower_;
    std::string said_;
};

TEST_F(Follower, BeginsWithWhatIsThere) {
    follower_->start();
    EXPECT_EQ(said(), "+/ +/a +/a/x ");
    EXPECT_EQ(said(), "");
}

TEST_F(Follower, CgroupsThatComeAndGo) {
    follower_->start();
    (void)said();
    make("/b");
    EXPECT_EQ(said(), "+/b ");
    make("/b/c/d");  // at once: each is entered once, whoever sees it first
    EXPECT_EQ(said(), "+/b/c +/b/c/d ");
    fs::remove(files_.root() + "/b/c/d");
    fs::remove(files_.root() + "/b/c");
    EXPECT_EQ(said(), "-/b/c/d -/b/c ");
    make("/b/c");
    EXPECT_EQ(said(), "+/b/c ") << "a new one of that name";
}

TEST_F(Follower, FilesThatChange) {
    std::ofstream(files_.root() + "/a/x/events") << "0";
    std::ofstream(files_.root() + "/a/x/other") << "0";
    follower_->start();
    (void)said();
    std::ofstream(files_.root() + "/a/x/other", std::ios::in) << "1";
    EXPECT_EQ(said(), "");
    std::ofstream(files_.root() + "/a/x/events", std::ios::in) << "1";
    EXPECT_EQ(said().substr(0, 3), "=4 ");
    ASSERT_TRUE(follower_->follow_file(Cgroup("/a/x", files_.root() + "/a/x"), "events", 77));
    std::ofstream(files_.root() + "/a/x/events", std::ios::in) << "2";
    EXPECT_EQ(said().substr(0, 7), "=4 =77 ") << "for both who follow it";
    EXPECT_FALSE(follower_->follow_file(Cgroup("/none", "/none"), "events", 1));
}

}  // namespace
}  // namespace brink::kernel
