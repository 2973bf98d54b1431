// SPDX-License-Identifier: Apache-2.0
// Memory that the kernel refuses because of a watched limit is reported, with the errno that the program saw; what fails
// for another reason is not.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>

#include "actor.hpp"
#include "brink_process.hpp"

namespace brink::live {
namespace {

constexpr std::uint64_t kPage = 4096;

class MemoryDenied : public testing::Test {
  protected:
    std::uint64_t usage(const std::string& resource) const {
        const auto row = row_of(resource, "pid", actor.pid());
        EXPECT_TRUE(row) << resource;
        return row ? row->at("usage").get<std::uint64_t>() : 0;
    }
    void watch(const std::string& spec) {
        watch_ = std::make_unique<BrinkWatch>(actor.pid(), RunOptions{.watches = {spec}});
        ASSERT_TRUE(watch_->wait_ready()) << watch_->child().err();
    }
    bool wait_for(const std::string& type) {
        return watch_->wait_for_event([&](const Event& event) { return type_of(event) == type; });
    }
    // Ends the watch; the errno of each denial. All else about them is checked here.
    std::vector<int> denials(const std::string& resource, std::uint64_t limit) {
        watch_->child().signal(SIGTERM);
        EXPECT_EQ(watch_->wait(), 0);
        std::vector<int> errors;
        for (const Event& denied : of_type(watch_->events(), "denied")) {
            EXPECT_EQ(denied.value("resource", ""), resource);
            EXPECT_EQ(denied.value("pid", 0), actor.pid());
            EXPECT_EQ(denied.value("tid", 0), actor.pid());
            EXPECT_EQ(denied.value("limit", std::uint64_t{0}), limit) << brief(denied);
            errors.push_back(denied.value("errno", 0));
        }
        check_stream(watch_->events());
        return errors;
    }

    const Actor actor;

  private:
    std::unique_ptr<BrinkWatch> watch_;
};

TEST_F(MemoryDenied, AddressSpace) {
    const std::uint64_t limit = usage("as") + 16 * kPage;
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_AS, limit), 0);
    watch("as=99%");
    EXPECT_EQ(actor(Deed::reserve_much, 17 * kPage), ENOMEM);
    EXPECT_EQ(actor(Deed::break_up, 17 * kPage), ENOMEM);
    EXPECT_EQ(actor(Deed::reserve_much, 0), EINVAL);
    EXPECT_EQ(actor(Deed::reserve_much, 8 * kPage), 0);
    EXPECT_EQ(actor(Deed::reserve_much, 9 * kPage), ENOMEM);
    EXPECT_EQ(denials("as", limit), (std::vector<int>{ENOMEM, ENOMEM, ENOMEM}));
}

TEST_F(MemoryDenied, Data) {
    const std::uint64_t limit = usage("data") + 4 * kPage;
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_DATA, limit), 0);
    watch("data=50%");
    EXPECT_EQ(actor(Deed::reserve_much, 1000 * kPage), 0);  // no data
    for (int i = 0; i < 4; ++i) EXPECT_EQ(actor(Deed::map), 0);
    EXPECT_EQ(actor(Deed::map), ENOMEM);
    EXPECT_EQ(denials("data", limit), (std::vector<int>{ENOMEM}));
}

TEST_F(MemoryDenied, LockedMemory) {
    const std::uint64_t limit = 2 * kPage;
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_MEMLOCK, limit), 0);
    watch("memlock=50%");
    EXPECT_EQ(actor(Deed::lock_nothing), ENOMEM);  // for another reason, with CAP_IPC_LOCK
    ASSERT_EQ(actor(Deed::drop_rights), 0);
    EXPECT_EQ(actor(Deed::lock_nothing), ENOMEM);  // and without
    for (int i = 0; i < 2; ++i) EXPECT_EQ(actor(Deed::lock), 0);
    EXPECT_EQ(actor(Deed::lock), ENOMEM);
    EXPECT_EQ(actor(Deed::map_locked, kPage), EAGAIN);
    EXPECT_EQ(denials("memlock", limit), (std::vector<int>{ENOMEM, EAGAIN}));
}

TEST_F(MemoryDenied, Mappings) {
    const std::uint64_t limit = std::stoull(read_file("/proc/sys/vm/max_map_count"));
    watch("maps=-10");
    ASSERT_EQ(actor(Deed::map_apart, limit + 10), ENOMEM);
    EXPECT_EQ(actor(Deed::map_apart), ENOMEM);
    EXPECT_EQ(denials("maps", limit), (std::vector<int>{ENOMEM, ENOMEM}));
}

// A sysctl that is changed is a limit that is changed: at once, without any change of usage.
TEST_F(MemoryDenied, TheLimitOfMappingsIsFollowed) {
    const std::uint64_t limit = std::stoull(read_file("/proc/sys/vm/max_map_count"));
    ASSERT_EQ(actor(Deed::map_apart, 100), 0);
    watch("maps=0.1%");
    ASSERT_TRUE(wait_for("initial"));
    {
        const SysctlForNow much("vm/max_map_count", std::to_string(100 * limit));
        ASSERT_TRUE(much.done());
        ASSERT_TRUE(wait_for("limit_changed"));
        ASSERT_TRUE(wait_for("crossing"));
    }
    EXPECT_TRUE(denials("maps", limit).empty());
}

}  // namespace
}  // namespace brink::live
