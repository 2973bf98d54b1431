// SPDX-License-Identifier: Apache-2.0
#include "engine/hook_needs.hpp"

#include <gtest/gtest.h>

namespace brink::engine {
namespace {

using kernel::HookEngine;

kernel::HookOptions needs_of(std::string_view name, bool down = true) {
    kernel::HookOptions options = no_hooks();
    add_needs(options, *find_resource(name), down);
    return options;
}

TEST(HookNeeds, NothingIsLoadedForNothing) {
    const kernel::HookOptions options = no_hooks();
    EXPECT_FALSE(options.processes || options.descriptors || options.closes || options.memory ||
                 options.resident);
    EXPECT_EQ(options.shared, 0U);
}

TEST(HookNeeds, ClosesAreForTheWayDown) {
    EXPECT_TRUE(needs_of("nofile").closes);
    EXPECT_FALSE(needs_of("nofile", false).closes);
    EXPECT_TRUE(needs_of("nofile", false).descriptors);
}

// The hook on queued signals is the dearest: it is for who watches them and nobody else.
TEST(HookNeeds, EachResourceHasItsOwn) {
    using kernel::HookPlace;
    EXPECT_EQ(needs_of("sigpending").shared, HookPlace::kSignals);
    EXPECT_EQ(needs_of("nproc").shared, HookPlace::kUserLimits);
    EXPECT_EQ(needs_of("inotify_watches").shared, HookPlace::kInotify);
    EXPECT_EQ(needs_of("pids").shared, HookPlace::kCgroupPids);
    EXPECT_EQ(needs_of("memory_swap").shared, HookPlace::kCgroupMemory);
}

TEST(HookNeeds, ProcessesAndOthersAreApart) {
    for (const Resource* resource : resources()) {
        if (!resource->has_hooks()) continue;
        const kernel::HookOptions options = needs_of(resource->name);
        const bool of_process = resource->scope == Scope::process;
        EXPECT_EQ(options.processes, of_process) << resource->name;
        EXPECT_EQ(options.shared == 0, of_process) << resource->name;
        EXPECT_TRUE(has_hooks(*resource, HookEngine::kernel)) << resource->name;
        EXPECT_EQ(has_hooks(*resource, HookEngine::tracepoint), of_process) << resource->name;
    }
}

}  // namespace
}  // namespace brink::engine
