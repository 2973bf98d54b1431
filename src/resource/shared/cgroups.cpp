// SPDX-License-Identifier: Apache-2.0
#include "resource/shared/cgroups.hpp"

#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "kernel/file_text.hpp"

namespace brink::resource {
namespace {

// "some avg10=17.70 avg60=…" as time in the window.
Result<Reading> parse_pressure(const std::string& text) {
    constexpr std::string_view kKey = "some avg10=";
    const std::size_t at = text.find(kKey);
    if (at == std::string::npos) return fail("no pressure is shown", EINVAL);
    const double percent = std::strtod(text.c_str() + at + kKey.size(), nullptr);
    const double stalled_ns = percent / 100 * static_cast<double>(kPressureWindowNs);
    return Reading{.usage = static_cast<std::uint64_t>(std::llround(stalled_ns)),
                   .limit = kPressureWindowNs};
}

}  // namespace

std::string_view pressure_kind(const Resource& resource) {
    return resource.name.substr(resource.name.find('_') + 1);
}

std::optional<std::uint64_t> pressure_total_ns(std::string_view text) {
    constexpr std::string_view kKey = "total=";
    const std::size_t at = text.find(kKey);  // the first line is that of "some"
    if (!text.starts_with("some ") || at == text.npos) return std::nullopt;
    std::string_view rest = text.substr(at + kKey.size());
    rest = rest.substr(0, rest.find('\n'));
    const auto us = kernel::to_number<std::uint64_t>(rest);
    if (!us) return std::nullopt;
    return *us * 1000;
}

Subject the_cgroup(const kernel::Cgroup& cgroup) {
    Subject subject;
    subject.cgroup = cgroup.path();
    subject.name = "cgroup " + cgroup.path();
    return subject;
}

Subject the_system() {
    Subject subject;
    subject.name = "the system";
    return subject;
}

Result<Reading> usage_and_limit(const kernel::Cgroup& cgroup, std::string_view usage,
                                std::string_view limit) {
    const auto used = cgroup.number(usage);
    if (!used) return tl::unexpected<Error>(used.error());
    const auto most = cgroup.number(limit);
    if (!most) return tl::unexpected<Error>(most.error());
    return Reading{.usage = *used, .limit = *most};
}

ReadCgroup only_v2(std::string_view usage, std::string_view limit) {
    return [=](const kernel::Cgroup& cgroup, int version) -> Result<Reading> {
        if (version != 2) return fail("cgroup v1 has no such limit", EOPNOTSUPP);
        return usage_and_limit(cgroup, usage, limit);
    };
}

Result<std::string> take_cgroups(kernel::Machine& machine, std::string_view controller,
                                 const Take& take, const ReadCgroup& read) {
    const auto tree = machine.cgroups(controller);
    if (!tree) return tl::unexpected<Error>(tree.error());
    std::size_t visited = 0;
    std::size_t taken = 0;
    bool in_v2_only = false;
    std::string refused;
    tree->visit([&](const kernel::Cgroup& cgroup) {
        ++visited;
        const auto reading = read(cgroup, tree->version());
        if (reading) {
            take(the_cgroup(cgroup), *reading);
            ++taken;
            return;
        }
        in_v2_only |= reading.error().code == EOPNOTSUPP;
        if (refused.empty() && (reading.error().code == EACCES || reading.error().code == EPERM))
            refused = reading.error().message;
    });
    if (taken != 0) return refused;
    if (in_v2_only) return fail("this machine has cgroup v1, which has no such limit", EOPNOTSUPP);
    if (!refused.empty()) return fail(refused, EACCES);
    if (visited == 1) return fail("there is no cgroup but the root, which has no limit", ENOENT);
    return fail("none of " + some(visited, "cgroup") +
                    " has this limit: the controller is not enabled in them",
                ENOENT);
}

Result<std::string> take_pressure(kernel::Machine& machine, std::string_view kind,
                                  const Take& take) {
    const auto system = machine.proc_text("pressure/" + std::string(kind));
    if (!system) {
        if (system.error().code != ENOENT && system.error().code != EOPNOTSUPP)
            return tl::unexpected<Error>(system.error());
        return fail("this kernel does not account for pressure (CONFIG_PSI, psi=1)", EOPNOTSUPP);
    }
    const auto whole = parse_pressure(*system);
    if (!whole) return tl::unexpected<Error>(whole.error());
    take(the_system(), *whole);
    // The files are there whether the controller is enabled or not.
    const auto tree = machine.unified_cgroups();
    if (!tree) return "";
    tree->visit([&](const kernel::Cgroup& cgroup) {
        if (cgroup.is_whole_machine()) return;  // it says the same once more
        const auto text = cgroup.text(std::string(kind) + ".pressure");
        if (!text) return;
        if (const auto reading = parse_pressure(*text)) take(the_cgroup(cgroup), *reading);
    });
    return "";
}

}  // namespace brink::resource
