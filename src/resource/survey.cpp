// SPDX-License-Identifier: Apache-2.0
// One pass over the processes for all resources of processes, then each of the others.
#include "resource/survey.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <unordered_map>
#include <utility>

namespace brink::resource {
namespace {

// Kernel threads and zombies have neither descriptors nor memory: no resource is read of them, unless it is the first
// thread that has ended before others. To look costs something only where nothing but descriptors was read, and these
// have none.
bool is_bare(const kernel::ProcessFiles& process, const Result<Reading>& reading) {
    if (reading && reading->usage != 0 && !process.knows_memory()) return false;
    return !process.has_memory() && process.threads().value_or(0) < 2;
}

void read_processes(kernel::Machine& machine, const std::vector<const Definition*>& wanted,
                    bool remember, Survey& survey) {
    std::map<const Definition*, std::size_t> denied;
    const auto listed = machine.visit_processes(
        [&](const kernel::ProcessFiles& process) {
            for (const Definition* definition : wanted) {
                const auto reading = definition->read_process(process);
                const bool from_iterator = process.from_iterator();
                if (is_bare(process, reading)) break;
                if (!reading) {
                    if (reading.error().code != ESRCH) ++denied[definition];
                    continue;
                }
                Row& row = survey.rows.emplace_back();
                row.resource = &definition->resource;
                row.subject.pid = process.pid();
                if (from_iterator) row.subject.engine = "kernel";
                row.reading = *reading;
            }
        },
        remember);
    if (!listed)
        for (const Definition* definition : wanted)
            survey.remarks.push_back({&definition->resource, listed.error().message, true});
    for (const auto& [definition, count] : denied)
        survey.remarks.push_back(
            {&definition->resource, some(count, "process") + " may not be read", false});
}

void read_others(kernel::Machine& machine, const Definition& definition, Survey& survey) {
    const auto take = [&](Subject subject, const Reading& reading) {
        survey.rows.push_back({&definition.resource, std::move(subject), reading});
    };
    const auto remark = definition.read_all(machine, take);
    if (!remark)
        survey.remarks.push_back({&definition.resource, remark.error().message, true});
    else if (!remark->empty())
        survey.remarks.push_back({&definition.resource, *remark, false});
}

bool comes_before(const Row& a, const Row& b) {
    if (nearer(a.reading, b.reading)) return true;
    if (nearer(b.reading, a.reading)) return false;
    if (a.resource->name != b.resource->name) return a.resource->name < b.resource->name;
    return a.reading.limit == kUnlimited && a.reading.usage > b.reading.usage;
}

}  // namespace

std::vector<Nearest> nearest_of_each(Survey& survey) {
    std::vector<Nearest> all;
    std::map<const Resource*, std::size_t> places;
    for (Row& row : survey.rows) {
        const auto [place, added] = places.try_emplace(row.resource, all.size());
        if (added) all.push_back({&row, 0});
        ++all[place->second].of;
    }
    return all;
}

std::string key_of(const Row& row) {
    const Subject& subject = row.subject;
    const Scope scope = row.resource->scope;
    std::string key(scope_name(scope));
    if (scope == Scope::process && subject.pid) return key + std::to_string(*subject.pid);
    if (scope == Scope::user && subject.uid)
        return key + std::to_string(*subject.uid) + "/" + std::to_string(subject.user_namespace);
    if (scope == Scope::cgroup && !subject.cgroup.empty()) return key + subject.cgroup;
    if (scope == Scope::socket && subject.inode) return key + std::to_string(subject.inode);
    if (subject.target.empty()) key += row.resource->name;
    return key + subject.target;
}

std::vector<Standing> by_subject(Survey& survey) {
    std::vector<Standing> all;
    std::unordered_map<std::string, std::size_t> places;
    for (Row& row : survey.rows) {
        const auto [place, added] = places.try_emplace(key_of(row), all.size());
        if (added) all.emplace_back();
        all[place->second].rows.push_back(&row);
    }
    return all;
}

void name_process(const kernel::Machine& machine, Row& row) {
    Subject& subject = row.subject;
    if (!subject.pid || !subject.name.empty()) return;
    const auto stat = machine.procfs().stat(*subject.pid);
    const auto status = machine.procfs().status(*subject.pid);
    // The number can have another owner by now, who was born later.
    if (stat && status && !machine.is_younger(*stat)) {
        subject.comm = stat->comm;
        subject.uid = status->uid_real;
    }
    subject.name = subject.comm + "[" + std::to_string(*subject.pid) + "]";
}

bool nearer(const Reading& a, const Reading& b) {
    const bool limited = a.limit != kUnlimited;
    if (limited != (b.limit != kUnlimited)) return limited;
    if (!limited) return false;
    // Of 0 everything is used, unless nothing is.
    const auto left = static_cast<unsigned __int128>(a.usage) * std::max<std::uint64_t>(b.limit, 1);
    const auto right = static_cast<unsigned __int128>(b.usage) *
                       std::max<std::uint64_t>(a.limit, 1);
    return left > right;
}

std::optional<std::uint64_t> permille(const Reading& reading) {
    if (reading.limit == kUnlimited) return std::nullopt;
    const auto share = static_cast<unsigned __int128>(reading.usage) * 1000 /
                       std::max<std::uint64_t>(reading.limit, 1);
    return static_cast<std::uint64_t>(std::min<unsigned __int128>(share, kUnlimited));
}

Survey read_survey(kernel::Machine& machine, const std::vector<const Resource*>& wanted) {
    Survey survey;
    std::vector<const Definition*> of_processes;
    std::vector<const Definition*> others;
    for (const Resource* resource : wanted) {
        const Definition& definition = definition_of(*resource);
        if (definition.read_process)
            of_processes.push_back(&definition);
        else if (definition.read_all)
            others.push_back(&definition);
        else
            survey.remarks.push_back({resource, std::string(resource->unreadable), true});
    }
    // Counts of users are added up from the processes where the iterator does not give them.
    const bool users = !machine.users() &&
                       std::any_of(others.begin(), others.end(), [](const Definition* definition) {
                           return definition->resource.scope == Scope::user;
                       });
    if (!of_processes.empty()) read_processes(machine, of_processes, users, survey);
    for (const Definition* definition : others) read_others(machine, *definition, survey);
    std::stable_sort(survey.rows.begin(), survey.rows.end(), comes_before);
    std::stable_sort(survey.remarks.begin(), survey.remarks.end(),
                     [](const Remark& a, const Remark& b) {
                         return a.resource->name < b.resource->name;
                     });
    return survey;
}

}  // namespace brink::resource
