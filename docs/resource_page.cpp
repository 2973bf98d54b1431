// SPDX-License-Identifier: Apache-2.0
// Writes the table of docs/resources.md anew (./dev docs), or with --check looks whether it is that of src/resource.
#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "base/units.hpp"
#include "brink/resource.hpp"

namespace brink {
namespace {

constexpr std::string_view kBegin =
    "<!-- The table is written by ./dev docs, from src/resource. -->\n";
constexpr std::string_view kEnd = "<!-- Here it ends. -->\n";

std::string engines(const Resource& resource) {
    if (resource.has_tracepoints()) return "kernel, tracepoint, poll";
    const bool refusals = resource.facility == Facility::cgroup_events;
    if (resource.has_hooks()) return refusals ? "kernel, poll; refusals: notify" : "kernel, poll";
    if (resource.facility == Facility::wakeups) return "tracepoint";
    if (resource.facility == Facility::cpu_timer) return "timer, poll";
    if (resource.facility == Facility::pressure) return "notify, poll";
    if (resource.facility == Facility::cgroup_events) return "poll; refusals: notify";
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

// The page with the table as it is; empty if it has no place for it.
std::string renew(std::string page) {
    const std::size_t begin = page.find(kBegin);
    const std::size_t end = page.find(kEnd);
    if (begin == std::string::npos || end == std::string::npos || end < begin) return "";
    const std::size_t first = begin + kBegin.size();
    return page.replace(first, end - first, table());
}

}  // namespace
}  // namespace brink

int main(int argc, char** argv) {
    const bool check = argc == 3 && std::strcmp(argv[1], "--check") == 0;
    if (!check && argc != 2) {
        fmt::print(stderr, "usage: resource_page [--check] docs/resources.md\n");
        return 2;
    }
    const char* path = argv[argc - 1];
    std::ifstream file(path);
    const std::string before(std::istreambuf_iterator<char>(file), {});
    const std::string after = brink::renew(before);
    if (after.empty()) {
        fmt::print(stderr, "{}: there is no place for the table\n", path);
        return 1;
    }
    if (!check) return (std::ofstream(path) << after) ? 0 : 1;
    if (before == after) return 0;
    fmt::print(stderr, "{}: the table is not that of src/resource; ./dev docs writes it anew\n",
               path);
    return 1;
}
