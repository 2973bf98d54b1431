// SPDX-License-Identifier: Apache-2.0
// /proc/PID/maps, and for what is resident /proc/PID/smaps: proc_pid_maps(5), proc_pid_smaps(5).
#include "kernel/mapping_breakdown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/evidence_items.hpp"
#include "kernel/file_text.hpp"

namespace brink::kernel {
namespace {

struct Mapping {
    std::string kind;  // "file", "anonymous", "heap", "stack", "shared memory"
    std::string target;
    std::uint64_t bytes = 0;
    bool data = false;  // private, writable, no stack
};

std::string kind_of(std::string_view name) {
    if (name.empty() || name.starts_with("[anon")) return "anonymous";
    if (name == "[heap]") return "heap";
    if (name.starts_with("[stack")) return "stack";
    if (name.starts_with("[")) return "kernel";
    if (name.starts_with("/dev/shm/") || name.starts_with("/memfd:") || name.starts_with("/SYSV"))
        return "shared memory";
    return "file";
}

// "55d0-55d1 r-xp 00000000 fe:01 1234   /usr/bin/x"; nullopt for the other lines of smaps ("Rss:   4 kB").
std::optional<Mapping> mapping_of(std::string_view line) {
    std::string_view rest = line;
    const std::string_view range = next_word(rest);
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto begin = to_number<std::uint64_t>(range.substr(0, dash), 16);
    const auto end = to_number<std::uint64_t>(range.substr(dash + 1), 16);
    if (!begin || !end || *end < *begin) return std::nullopt;
    const std::string_view permissions = next_word(rest);
    for (int i = 0; i < 3; ++i) (void)next_word(rest);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    Mapping mapping{kind_of(rest), std::string(rest), *end - *begin};
    mapping.data = permissions.starts_with("rw") && permissions.ends_with('p') &&
                   mapping.kind != "stack";
    if (mapping.kind != "file" && mapping.kind != "shared memory") mapping.target.clear();
    if (rest.starts_with("[anon:")) mapping.target = rest;  // prctl(2), PR_SET_VMA_ANON_NAME
    return mapping;
}

std::uint64_t resident_of(std::string_view line) {
    if (!line.starts_with("Rss:")) return 0;
    line.remove_prefix(4);
    return to_number<std::uint64_t>(next_word(line)).value_or(0) * 1024;
}

}  // namespace

Evidence describe_mappings(const Procfs& procfs, pid_t pid, MappingMeasure measure,
                           const DescribeBounds& bounds) {
    const auto deadline = std::chrono::steady_clock::now() + bounds.time;
    const bool resident = measure == MappingMeasure::resident;
    const std::string path = procfs.path(pid, resident ? "smaps" : "maps");
    Evidence evidence;
    EvidenceSums sums;
    std::ifstream file(path);
    if (!file) evidence.unavailable = fmt::format("{}: {}", path, std::strerror(errno));
    std::optional<Mapping> current;
    std::size_t seen = 0;
    for (std::string line; std::getline(file, line);) {
        if (auto mapping = mapping_of(line)) {
            current = std::move(mapping);
            if (++seen > bounds.links || std::chrono::steady_clock::now() > deadline) {
                evidence.unavailable = fmt::format("only {} mappings were looked at", seen - 1);
                break;
            }
            if (!resident && (measure != MappingMeasure::data || current->data))
                sums.add(current->kind, current->target,
                         measure == MappingMeasure::count ? 1 : current->bytes);
        } else if (resident && current) {
            sums.add(current->kind, current->target, resident_of(line));
        }
    }
    sums.write(evidence, bounds.items);
    return evidence;
}

}  // namespace brink::kernel
