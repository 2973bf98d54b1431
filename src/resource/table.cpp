// SPDX-License-Identifier: Apache-2.0
// Looking things up in the table of resources, and what several of its rows share.
#include "resource/table.hpp"

#include <sys/resource.h>

#include <span>
#include <utility>
#include <vector>

#include "base/nearest.hpp"

namespace brink {
namespace {

std::span<const resource::Definition* const> definitions() {
    return {resource::k_table, resource::k_table_size};
}

std::vector<const Resource*> list() {
    std::vector<const Resource*> list;
    for (const resource::Definition* definition : definitions())
        list.push_back(&definition->resource);
    return list;
}

}  // namespace

std::span<const Resource* const> resources() {
    static const std::vector<const Resource*> all = list();
    return all;
}

const Resource* find_resource(std::string_view name) {
    for (const Resource* candidate : resources())
        if (candidate->name == name) return candidate;
    return nullptr;
}

std::string_view nearest_resource(std::string_view name) {
    std::vector<std::string_view> names;
    for (const Resource* resource : resources()) names.push_back(resource->name);
    return nearest(name, names);
}

std::string_view scope_name(Scope scope) {
    switch (scope) {
        case Scope::process: return "process";
        case Scope::user: return "user";
        case Scope::cgroup: return "cgroup";
        case Scope::socket: return "socket";
        case Scope::system: return "system";
    }
    return "";
}

namespace resource {
namespace {

// Those that are enforced, and are of the process and not of its user.
constexpr std::pair<std::string_view, Rlimit> kRlimits[] = {
    {"RLIMIT_AS", {RLIMIT_AS}},
    {"RLIMIT_CPU", {RLIMIT_CPU, 1'000'000'000}},
    {"RLIMIT_DATA", {RLIMIT_DATA}},
    {"RLIMIT_FSIZE", {RLIMIT_FSIZE}},
    {"RLIMIT_MEMLOCK", {RLIMIT_MEMLOCK}},
    {"RLIMIT_NOFILE", {RLIMIT_NOFILE}},
    {"RLIMIT_RTTIME", {RLIMIT_RTTIME, 1000}},
    {"RLIMIT_STACK", {RLIMIT_STACK}},
};

std::uint64_t scaled(std::uint64_t limit, std::uint64_t unit) {
    std::uint64_t product = 0;
    return __builtin_mul_overflow(limit, unit, &product) ? kUnlimited : product;
}

}  // namespace

Scope scope_of(const Resource& resource, const Subject& subject) {
    if (resource.scope == Scope::cgroup && subject.cgroup.empty()) return Scope::system;
    return resource.scope;
}

const Definition& definition_of(const Resource& resource) {
    for (const Definition* definition : definitions())
        if (&definition->resource == &resource) return *definition;
    __builtin_unreachable();
}

Result<Reading> against_rlimit(const kernel::ProcessFiles& process, Result<std::uint64_t> usage,
                               int rlimit, std::uint64_t unit) {
    if (!usage) return tl::unexpected<Error>(std::move(usage.error()));
    const auto limit = process.limit(rlimit);
    if (!limit) return tl::unexpected<Error>(limit.error());
    return Reading{*usage, scaled(limit->soft, unit), scaled(limit->hard, unit)};
}

std::optional<Rlimit> rlimit_of(const Resource& resource) {
    if (resource.scope != Scope::process) return std::nullopt;
    for (const auto& [name, rlimit] : kRlimits)
        if (resource.limited_by == name) return rlimit;
    return std::nullopt;
}

std::string some(std::size_t count, std::string_view noun) {
    std::string text = std::to_string(count) + " " + std::string(noun);
    if (count != 1) text += noun.ends_with("s") ? "es" : "s";
    return text;
}

}  // namespace resource
}  // namespace brink
