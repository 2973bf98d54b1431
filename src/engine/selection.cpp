// SPDX-License-Identifier: Apache-2.0
#include "engine/selection.hpp"

#include <fmt/format.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <vector>

#include "base/utf8.hpp"

namespace brink::engine {
namespace {

constexpr std::size_t kMostComm = 15;           // TASK_COMM_LEN less the final 0: proc_pid_comm(5)
constexpr std::size_t kShortestContainer = 12;  // what `docker ps` shows
// In the order of SelectBy.
constexpr std::array<std::string_view, 9> kNames{"unit",      "cgroup",   "comm", "exe",   "user",
                                                 "container", "realtime", "all",  "system"};
constexpr std::string_view kCgroupMount = "/sys/fs/cgroup";

Result<std::string> read_unit(std::string_view text) {
    if (text.find('/') != std::string_view::npos)
        return fail(fmt::format("option --unit: {} is a path; write a unit's name, as in "
                                "--unit web.service, or --cgroup PATH",
                                in_quotes(text)));
    std::string name(text);
    if (name.find('.') == std::string::npos) name += ".service";
    return name;
}

Result<std::string> read_cgroup(std::string_view text) {
    if (text.starts_with(kCgroupMount)) text.remove_prefix(kCgroupMount.size());
    while (text.size() > 1 && text.ends_with('/')) text.remove_suffix(1);
    if (!text.starts_with('/'))
        return fail(fmt::format("option --cgroup: {} is no path of a cgroup; write it as in "
                                "/proc/PID/cgroup, --cgroup /system.slice/web.service",
                                in_quotes(text)));
    return std::string(text);
}

Result<std::string> read_comm(std::string_view text) {
    if (text.size() <= kMostComm) return std::string(text);
    return fail(fmt::format("option --comm: {} is longer than the {} bytes that a name has; write "
                            "--comm {}, or --exe PATH",
                            in_quotes(text), kMostComm, text.substr(0, kMostComm)));
}

Result<std::string> read_exe(std::string_view text) {
    std::error_code missing;
    // The kernel knows the file, not the links to it.
    if (text.starts_with('/')) {
        const std::filesystem::path file = std::filesystem::canonical(text, missing);
        return missing ? std::string(text) : file.string();
    }
    return fail(fmt::format("option --exe: {} is no absolute path; write it as in /proc/PID/exe, "
                            "or --comm NAME",
                            in_quotes(text)));
}

Result<std::string> read_container(std::string_view text) {
    const bool hexadecimal = text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (hexadecimal && text.size() >= kShortestContainer && text.size() <= 64)
        return std::string(text);
    return fail(fmt::format("option --container: {} is no container ID; write at least {} of its "
                            "64 hexadecimal digits, as docker ps shows them",
                            in_quotes(text), kShortestContainer));
}

Result<uid_t> find_user(const std::string& text) {
    uid_t uid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), uid);
    if (error == std::errc{} && end == text.data() + text.size()) return uid;
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16384);
    ::getpwnam_r(text.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found) return found->pw_uid;
    return fail(fmt::format("option --user: there is no user {}; write a name or a uid; getent "
                            "passwd lists what there is",
                            in_quotes(text)),
                ENOENT);
}

Result<std::string> read_value(SelectBy by, std::string_view text) {
    switch (by) {
        case SelectBy::unit: return read_unit(text);
        case SelectBy::cgroup: return read_cgroup(text);
        case SelectBy::comm: return read_comm(text);
        case SelectBy::exe: return read_exe(text);
        case SelectBy::container: return read_container(text);
        default: return std::string(text);
    }
}

}  // namespace

std::string_view select_name(SelectBy by) { return kNames.at(static_cast<std::size_t>(by)); }

SelectBy select_by(std::string_view name) {
    return static_cast<SelectBy>(std::find(kNames.begin(), kNames.end(), name) - kNames.begin());
}

std::string Selection::description() const {
    if (by == SelectBy::realtime) return "real-time tasks";
    if (by == SelectBy::all) return "everything";
    if (by == SelectBy::system) return "the system";
    return fmt::format("{} {}", select_name(by), value);
}

Result<Selection> parse_selection(SelectBy by, std::string_view text) {
    if (text.empty())
        return fail(fmt::format("option --{0}: the value is empty; brink watch --help says what "
                                "--{0} takes",
                                select_name(by)));
    auto value = read_value(by, text);
    if (!value) return tl::unexpected(value.error());
    Selection selection{.by = by, .value = std::move(*value)};
    if (by == SelectBy::user) {
        const auto uid = find_user(selection.value);
        if (!uid) return tl::unexpected(uid.error());
        selection.uid = *uid;
    }
    return selection;
}

bool selects(SelectBy by, const Resource& resource) {
    // That of the whole system is counted as well.
    if (by == SelectBy::system && resource.facility == Facility::pressure) return true;
    if (resource.facility == Facility::wakeups)
        return by == SelectBy::unit || by == SelectBy::cgroup || by == SelectBy::container ||
               by == SelectBy::realtime || by == SelectBy::all;
    switch (resource.scope) {
        case Scope::process: return by != SelectBy::system;
        case Scope::user: return by == SelectBy::user || by == SelectBy::all;
        case Scope::cgroup:
            return by == SelectBy::unit || by == SelectBy::cgroup || by == SelectBy::container ||
                   by == SelectBy::all;
        case Scope::socket: return by != SelectBy::system && by != SelectBy::realtime;
        case Scope::system: return by == SelectBy::system;
    }
    return false;
}

}  // namespace brink::engine
