// SPDX-License-Identifier: Apache-2.0
#include "base/units.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace brink {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kLargest = ~std::uint64_t{0};

TEST(Units, ReadsCounts) {
    EXPECT_EQ(parse_count("0").value(), 0U);
    EXPECT_EQ(parse_count("0900").value(), 900U);
    EXPECT_EQ(parse_count("18446744073709551615").value(), kLargest);
}

TEST(Units, ReadsBytesInPowersOf1024) {
    EXPECT_EQ(parse_bytes("7").value(), 7U);
    EXPECT_EQ(parse_bytes("1K").value(), 1024U);
    EXPECT_EQ(parse_bytes("3M").value(), 3U << 20);
    EXPECT_EQ(parse_bytes("2G").value(), std::uint64_t{2} << 30);
    EXPECT_EQ(parse_bytes("16777215T").value(), std::uint64_t{16777215} << 40);
}

TEST(Units, ReadsTimes) {
    EXPECT_EQ(parse_time_ns("5us").value(), 5'000U);
    EXPECT_EQ(parse_time_ns("5ms").value(), 5'000'000U);
    EXPECT_EQ(parse_time_ns("30s").value(), 30'000'000'000U);
    EXPECT_EQ(parse_time_ns("2m").value(), 120'000'000'000U);
    EXPECT_EQ(parse_time_ns("1h").value(), 3'600'000'000'000U);
}

TEST(Units, RefusesWhatIsMalformed) {
    for (const char* text :
         {"", " 1", "1 ", "+1", "-1", "0x10", "1e3", "1.5", "K", "1k", "1KB", "1KiB", "1Kx", "९"}) {
        EXPECT_FALSE(parse_bytes(text)) << text;
        EXPECT_EQ(parse_bytes(text).error().code, EINVAL) << text;
        EXPECT_FALSE(parse_count(text)) << text;
    }
    EXPECT_FALSE(parse_count("1K"));
    for (const char* text : {"5", "5sec", "5S", "ms", "5 s", "5s5"})
        EXPECT_FALSE(parse_time_ns(text)) << text;
    EXPECT_THAT(parse_bytes("2g").error().message, HasSubstr("K, M, G or T"));
    EXPECT_THAT(parse_time_ns("5").error().message, HasSubstr("us, ms, s, m or h"));
}

TEST(Units, SaysWhenANumberIsTooLarge) {
    for (const char* text : {"18446744073709551616", "99999999999999999999999"}) {
        ASSERT_FALSE(parse_count(text));
        EXPECT_EQ(parse_count(text).error().code, ERANGE);
    }
    EXPECT_EQ(parse_bytes("16777216T").error().code, ERANGE);
    EXPECT_EQ(parse_time_ns("18446744073709552ms").error().code, ERANGE);
    EXPECT_TRUE(parse_bytes("18014398509481983K"));
    EXPECT_FALSE(parse_bytes("18014398509481984K"));
}

TEST(Units, FormatsForPeople) {
    EXPECT_EQ(format_quantity(1048576, Unit::count), "1048576");
    EXPECT_EQ(format_quantity(0, Unit::bytes), "0B");
    EXPECT_EQ(format_quantity(1023, Unit::bytes), "1023B");
    EXPECT_EQ(format_quantity(1024, Unit::bytes), "1K");
    EXPECT_EQ(format_quantity(1536, Unit::bytes), "1.5K");
    EXPECT_EQ(format_quantity(1050, Unit::bytes), "1.02K");
    EXPECT_EQ(format_quantity((1U << 20) - 1, Unit::bytes), "1023K");
    EXPECT_EQ(format_quantity(20U << 20 | 1U << 19, Unit::bytes), "20.5M");
    EXPECT_EQ(format_quantity(kLargest, Unit::bytes), "16777215T");
    EXPECT_EQ(format_quantity(999, Unit::time_ns), "999ns");
    EXPECT_EQ(format_quantity(1'500, Unit::time_ns), "1.5us");
    EXPECT_EQ(format_quantity(250'000'000, Unit::time_ns), "250ms");
    EXPECT_EQ(format_quantity(59'999'999'999, Unit::time_ns), "59.9s");
    EXPECT_EQ(format_quantity(90'000'000'000, Unit::time_ns), "1m30s");
    EXPECT_EQ(format_quantity(3'600'000'000'000, Unit::time_ns), "1h");
    EXPECT_EQ(format_quantity(3'900'000'000'000, Unit::time_ns), "1h05m");
}

TEST(Units, CodesAreUcum) {
    EXPECT_EQ(unit_code(Unit::bytes), "By");
    EXPECT_EQ(unit_from_code("ns"), Unit::time_ns);
    EXPECT_EQ(unit_from_code("1"), Unit::count);
    EXPECT_EQ(unit_from_code("bytes"), std::nullopt);
}

RC_GTEST_PROP(UnitsProperty, WhatIsWrittenIsRead, (std::uint32_t number, bool time)) {
    const auto bytes = *rc::gen::elementOf(std::vector<std::pair<const char*, std::uint64_t>>{
        {"", 1}, {"K", 1ULL << 10}, {"M", 1ULL << 20}, {"G", 1ULL << 30}});
    const auto times = *rc::gen::elementOf(std::vector<std::pair<const char*, std::uint64_t>>{
        {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}});
    const auto& [suffix, factor] = time ? times : bytes;
    const auto read = parse_quantity(std::to_string(number) + suffix,
                                     time ? Unit::time_ns : Unit::bytes);
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read == number * factor);
}

// What format_quantity says is below the value by less than one in a hundred of it.
RC_GTEST_PROP(UnitsProperty, FormattedBytesAreNearAndNotAbove, ()) {
    const auto value = *rc::gen::arbitrary<std::uint64_t>() >> *rc::gen::inRange(0, 64);
    const std::string text = format_quantity(value, Unit::bytes);
    const std::string_view suffixes = "BKMGT";
    const std::size_t power = suffixes.find(text.back());
    RC_ASSERT(power != std::string_view::npos);
    const long double shown = std::stold(text) * static_cast<long double>(1ULL << (10 * power));
    RC_ASSERT(shown <= static_cast<long double>(value));
    RC_ASSERT(shown >= static_cast<long double>(value) * 0.99L);
}

}  // namespace
}  // namespace brink
