// SPDX-License-Identifier: Apache-2.0
#include "engine/subject_match.hpp"

#include <cctype>

namespace brink::engine {
namespace {

bool is_hexadecimal(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

// Whether `component` is the cgroup of the container: "3f2a…", "docker-3f2a….scope", "libpod-3f2a….scope".
bool has_container(std::string_view component, std::string_view id) {
    for (std::size_t at = component.find(id); at != component.npos; at = component.find(id, at + 1))
        if (at == 0 || !is_hexadecimal(component[at - 1])) return true;
    return false;
}

Match match_component(const Selection& selection, std::string_view path) {
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::string_view component = path.substr(0, path.find('/'));
        path.remove_prefix(component.size());
        const bool found = selection.by == SelectBy::unit
                               ? component == selection.value
                               : has_container(component, selection.value);
        if (found) return path.empty() ? Match::named : Match::yes;
    }
    return Match::no;
}

Match yes_if(bool matches) { return matches ? Match::yes : Match::no; }

Match match_owner(const Selection& selection, pid_t owner, const kernel::Procfs& procfs) {
    switch (selection.by) {
        case SelectBy::comm: {
            const auto stat = procfs.stat(owner);
            return yes_if(stat && stat->comm == selection.value);
        }
        case SelectBy::exe: return yes_if(procfs.exe(owner) == selection.value);
        case SelectBy::user: {
            const auto status = procfs.status(owner);
            return yes_if(status && status->uid_real == selection.uid);
        }
        default: return yes_if(match_cgroup(selection, procfs.cgroup(owner)) != Match::no);
    }
}

}  // namespace

Match match_cgroup(const Selection& selection, std::string_view path) {
    if (selection.by == SelectBy::all) return Match::yes;
    if (selection.by == SelectBy::unit || selection.by == SelectBy::container)
        return match_component(selection, path);
    if (selection.by != SelectBy::cgroup) return Match::no;
    if (path == selection.value) return Match::named;
    const bool below = path.starts_with(selection.value) &&
                       (selection.value == "/" || path[selection.value.size()] == '/');
    return yes_if(below);
}

Match match(const Selection& selection, const Resource& resource, const resource::Subject& subject,
            const kernel::Procfs& procfs) {
    if (selection.by == SelectBy::all) return Match::yes;
    switch (resource::scope_of(resource, subject)) {
        case Scope::user:
            return selection.by == SelectBy::user && subject.uid == selection.uid ? Match::named
                                                                                  : Match::no;
        case Scope::cgroup: return match_cgroup(selection, subject.cgroup);
        case Scope::socket:
            return subject.pid ? match_owner(selection, *subject.pid, procfs) : Match::no;
        case Scope::system: return selection.by == SelectBy::system ? Match::named : Match::no;
        case Scope::process: break;
    }
    return Match::no;
}

}  // namespace brink::engine
