// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <nlohmann/json.hpp>

namespace brink {
namespace {

const std::string kBad = "\xef\xbf\xbd";

TEST(Utf8, LeavesWhatIsValid) {
    for (const char* text : {"", "leaky", "naïve", "日本", "🦀", "\x7f", "\xf4\x8f\xbf\xbf"})
        EXPECT_EQ(sanitize_utf8(text), text);
    EXPECT_EQ(sanitize_utf8(std::string_view("a\0b", 3)), std::string("a\0b", 3));
}

// The examples of the Unicode standard, chapter 3.9 (tables 3-8 to 3-11).
TEST(Utf8, ReplacesEachMaximalSubpart) {
    EXPECT_EQ(sanitize_utf8("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82"
                            "A"),
              kBad + kBad + kBad + kBad + kBad + kBad + kBad + kBad + "A");
    EXPECT_EQ(sanitize_utf8("\xed\xa0\x80\xed\xbf\xbf\xed\xaf"
                            "A"),
              kBad + kBad + kBad + kBad + kBad + kBad + kBad + kBad + "A");
    EXPECT_EQ(sanitize_utf8("\xf4\x91\x92\x93\xff"
                            "A\x80\xbf"
                            "B"),
              kBad + kBad + kBad + kBad + kBad + "A" + kBad + kBad + "B");
    EXPECT_EQ(sanitize_utf8("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
                            "A"),
              kBad + kBad + kBad + kBad + "A");
}

TEST(Utf8, MakesControlsVisible) {
    EXPECT_EQ(terminal_safe("a\x1b[31m\r\n\tb\x7f"), "a\\x1b[31m\\x0d\\n\\tb\\x7f");
    EXPECT_EQ(terminal_safe("\xc2\x9b"), "\\x9b");          // CSI as one C1 character
    EXPECT_EQ(terminal_safe("\xe2\x80\xae"), "\\u{202e}");  // right-to-left override
    EXPECT_EQ(terminal_safe("C:\\x"), "C:\\\\x");
    EXPECT_EQ(terminal_safe("\xff"), kBad);
    EXPECT_EQ(terminal_safe("naïve 日本"), "naïve 日本");
}

TEST(Utf8, CutsAtCodePoints) {
    EXPECT_EQ(columns("日本"), 2U);
    EXPECT_EQ(shorten("naïve", 5), "naïve");
    EXPECT_EQ(shorten("naïveté", 5), "na...");
    EXPECT_EQ(shorten("日本語日本語", 4, "…"), "日本語…");
    EXPECT_EQ(shorten("abc", 2), "");
    EXPECT_EQ(in_quotes("a\nb"), "'a\\nb'");
    EXPECT_EQ(columns(in_quotes(std::string(1000, 'x'))), 82U);
}

// nlohmann's serializer refuses ill-formed UTF-8: an independent judge.
RC_GTEST_PROP(Utf8Property, SanitizedIsValid, (const std::string& bytes)) {
    const std::string clean = sanitize_utf8(bytes);
    RC_ASSERT(nlohmann::json::parse(nlohmann::json(clean).dump()) == clean);
    RC_ASSERT(sanitize_utf8(clean) == clean);
}

RC_GTEST_PROP(Utf8Property, SafeHasNoControls, (const std::string& bytes)) {
    const std::string safe = terminal_safe(bytes);
    for (const char c : safe) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    RC_ASSERT(sanitize_utf8(safe) == safe);
}

RC_GTEST_PROP(Utf8Property, ShortenedFits, (const std::string& bytes, std::uint8_t width)) {
    const std::string cut = shorten(bytes, width);
    RC_ASSERT(columns(cut) <= width);
    RC_ASSERT(sanitize_utf8(cut) == cut);
}

}  // namespace
}  // namespace brink
