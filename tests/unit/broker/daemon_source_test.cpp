// SPDX-License-Identifier: Apache-2.0
// What is sent to the daemon means what was typed.
#include "broker/daemon_source.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "engine/watch_spec.hpp"

namespace brink::broker {
namespace {

TEST(SpecText, MeansTheSame) {
    for (const char* typed :
         {"nofile=900", "nofile=80%", "nofile=12.5%,0.001%,100%", "nofile=-50", "as=2G,512M:up",
          "cpu=30s,250ms:up", "cpu=-5s:down", "nofile=50,60:rearm=40:no-inherit", "nofile=90%:rearm=80%:up"}) {
        const auto spec = engine::parse_watch(typed);
        ASSERT_TRUE(spec) << spec.error().message;
        const brink_watch watch = engine::wire_watch(*spec);
        const std::string text = spec_text(*spec->resource, watch);
        const auto again = engine::parse_watch(text);
        ASSERT_TRUE(again) << text << ": " << again.error().message;
        const brink_watch same = engine::wire_watch(*again);
        EXPECT_EQ(std::memcmp(&watch, &same, sizeof watch), 0) << typed << " became " << text;
        EXPECT_EQ(spec->resource, again->resource);
    }
}

}  // namespace
}  // namespace brink::broker
