// SPDX-License-Identifier: Apache-2.0
// docs/resources.md has the table of resources as it is. `./dev docs` writes it anew, by running this with
// BRINK_WRITE_DOCS set.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/units.hpp"
#include "brink/resource.hpp"

namespace brink {
namespace {

constexpr std::string_view kBegin =
    "<!-- The table is written by ./dev docs, from src/resource. -->\n";
constexpr std::string_view kEnd = "<!-- Here it ends. -->\n";

std::string engines(const Resource& resource) {
    if (resource.hooked) return "kernel, tracepoint, poll";
    return resource.watchable() ? "poll" : "–";
}

std::string exactness(const Resource& resource) {
    return std::string(resource.unreadable.empty() ? resource.exactness : resource.unreadable);
}

std::string unit(const Resource& resource) {
    switch (resource.unit) {
        case Unit::count: return "";
        case Unit::bytes: return "bytes";
        case Unit::time_ns: return "time";
    }
    return "";
}

std::string table() {
    std::string text = "| resource | of a | what is counted | unit | limit | when it bites | "
                       "engines of a watch | read from outside |\n"
                       "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (const Resource* resource : resources()) {
        const char* error = resource->denied_errno ? ::strerrorname_np(resource->denied_errno)
                                                   : nullptr;
        text += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} | {} |\n", resource->name,
                            scope_name(resource->scope), resource->summary, unit(*resource),
                            resource->limited_by, error ? error : "–", engines(*resource),
                            exactness(*resource));
    }
    return text;
}

TEST(Page, HasTheTableOfResources) {
    const std::string path = BRINK_SOURCE_DIR "/docs/resources.md";
    std::ifstream file(path);
    std::string page(std::istreambuf_iterator<char>(file), {});
    const std::size_t begin = page.find(kBegin) + kBegin.size();
    const std::size_t end = page.find(kEnd);
    ASSERT_NE(end, std::string::npos) << path;
    ASSERT_LE(begin, end) << path;
    if (std::getenv("BRINK_WRITE_DOCS")) {
        page.replace(begin, end - begin, table());
        std::ofstream(path) << page;
    } else {
        EXPECT_EQ(page.substr(begin, end - begin), table()) << "./dev docs writes it anew";
    }
}

}  // namespace
}  // namespace brink
