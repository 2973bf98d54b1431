// SPDX-License-Identifier: Apache-2.0
#include "output/shared/exposition.hpp"

#include <gtest/gtest.h>

namespace brink::output {
namespace {

TEST(Exposition, NegotiatesByQuality) {
    EXPECT_FALSE(wants_open_metrics(""));
    EXPECT_FALSE(wants_open_metrics("*/*"));
    EXPECT_FALSE(wants_open_metrics("text/plain"));
    EXPECT_FALSE(wants_open_metrics("application/openmetrics-text;q=0"));
    EXPECT_FALSE(wants_open_metrics("application/openmetrics-text;q=0.4,text/plain;q=0.5"));
    EXPECT_TRUE(wants_open_metrics("application/openmetrics-text"));
    EXPECT_TRUE(
        wants_open_metrics(" text/plain ; q=0.5 , application/openmetrics-text ; version=1.0.0 "));
    EXPECT_FALSE(wants_open_metrics(";;,,q=,=;application/openmetrics-text"));
}

TEST(Exposition, BothFormats) {
    const Exemplar exemplar{{{"pid", "7"}}, 2.5, 1'500'000'000};
    const auto text = [&](bool open_metrics) {
        Exposition exposition(open_metrics);
        exposition.counter("a", "say \"a\"\\");
        exposition.sample({{"l", "x\"\\\n"}}, std::uint64_t{3}, exemplar);
        exposition.gauge("b_seconds", "b", "seconds");
        exposition.sample({}, 0.5);
        return exposition.finish();
    };
    EXPECT_EQ(
        text(false),
        "# HELP a_total say \"a\"\\\\\n# TYPE a_total counter\na_total{l=\"x\\\"\\\\\\n\"} 3\n"
        "# HELP b_seconds b\n# TYPE b_seconds gauge\nb_seconds 0.5\n");
    EXPECT_EQ(text(true), "# HELP a say \\\"a\\\"\\\\\n# TYPE a "
                          "counter\na_total{l=\"x\\\"\\\\\\n\"} 3 # {pid=\"7\"} 2.5 "
                          "1.500000000\n# HELP b_seconds b\n# TYPE b_seconds gauge\n# UNIT "
                          "b_seconds seconds\nb_seconds 0.5\n"
                          "# EOF\n");
}

}  // namespace
}  // namespace brink::output
