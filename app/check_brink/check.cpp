// SPDX-License-Identifier: Apache-2.0
#include "check.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

#include "base/units.hpp"
#include "base/utf8.hpp"
#include "kernel/procfs.hpp"
#include "resource/survey.hpp"

namespace brink::check {
namespace {

using engine::SelectBy;
using resource::Row;

bool is_within(std::string_view cgroup, std::string_view above) {
    return cgroup == above || above == "/" ||
           (cgroup.starts_with(above) && cgroup.substr(above.size()).starts_with('/'));
}

bool cgroup_matches(const engine::Selection& selection, const std::string& cgroup) {
    return selection.by == SelectBy::unit ? kernel::unit_name(cgroup) == selection.value
                                          : is_within(cgroup, selection.value);
}

// Who is asked for, and of whom nothing could be read.
class Asked {
  public:
    Asked(kernel::Machine& machine, const Options& options)
        : machine_(machine), options_(options) {}

    [[nodiscard]] bool process(pid_t pid, uid_t uid) const {
        if (options_.pid) return pid == *options_.pid;
        if (!options_.selection) return true;
        const engine::Selection& selection = *options_.selection;
        switch (selection.by) {
            case SelectBy::comm: return machine_.process_comm(pid) == selection.value;
            case SelectBy::user: return uid == selection.uid;
            default: return cgroup_matches(selection, machine_.procfs().cgroup(pid));
        }
    }

    [[nodiscard]] bool subject(const resource::Subject& subject) const {
        if (options_.pid) return subject.pid == *options_.pid;
        if (!options_.selection) return true;
        const engine::Selection& selection = *options_.selection;
        switch (selection.by) {
            case SelectBy::comm: return subject.comm == selection.value;
            case SelectBy::user: return subject.uid == selection.uid;
            default: return cgroup_matches(selection, subject.cgroup);
        }
    }

    [[nodiscard]] std::string description() const {
        if (options_.pid) return fmt::format("process {}", *options_.pid);
        return options_.selection ? options_.selection->description() : "anybody";
    }

  private:
    kernel::Machine& machine_;
    const Options& options_;
};

struct Found {
    std::vector<Row> rows;  // nearest first
    std::size_t unread = 0;
    std::string why;  // something is missing; empty if nothing is
};

// Processes that match but have no row, and are still there: what a plugin without privileges must not pass over.
Found find_processes(kernel::Machine& machine, const Asked& asked, resource::Survey survey) {
    std::set<pid_t> missing;
    for (const kernel::ProcessSummary& process : machine.processes())
        if (process.has_memory && asked.process(process.pid, process.uid))
            missing.insert(process.pid);
    Found found;
    for (Row& row : survey.rows) {
        if (missing.erase(row.subject.pid.value_or(0)) == 0) continue;
        resource::name_process(machine, row);
        found.rows.push_back(std::move(row));
    }
    for (const pid_t pid : missing) found.unread += machine.procfs().stat(pid).has_value() ? 1 : 0;
    if (found.unread > 0)
        found.why = fmt::format("{} of {} may not be read by user {}", found.unread,
                                found.unread + found.rows.size(), ::geteuid());
    return found;
}

Found find_others(const Asked& asked, resource::Survey survey) {
    Found found;
    for (Row& row : survey.rows)
        if (asked.subject(row.subject)) found.rows.push_back(std::move(row));
    for (const resource::Remark& remark : survey.remarks) found.why = remark.text;
    return found;
}

Status judge(const Options& options, double value) {
    if (options.critical.alerts(value)) return Status::critical;
    return options.warning.alerts(value) ? Status::warning : Status::ok;
}

// nullopt: without a limit there is no share of it and no headroom.
std::optional<double> value_of(const Row& row, Metric metric) {
    const auto usage = static_cast<double>(row.reading.usage);
    if (metric == Metric::usage) return usage;
    if (row.reading.limit == resource::kUnlimited || row.reading.limit == 0) return std::nullopt;
    const auto limit = static_cast<double>(row.reading.limit);
    return metric == Metric::percent ? 100 * usage / limit : limit - usage;
}

std::string measured(std::uint64_t value, Unit unit) {
    if (unit == Unit::time_ns) return fmt::format("{}", static_cast<double>(value) / 1e9);
    return fmt::format("{}", value);
}

std::string performance(const Options& options, const Row& row) {
    const Unit unit = row.resource->unit;
    const bool limited = row.reading.limit != resource::kUnlimited;
    const char* suffix = unit == Unit::bytes ? "B" : unit == Unit::time_ns ? "s" : "";
    const auto ranges = [&](Metric metric) {
        return options.metric == metric
                   ? fmt::format("{};{}", options.warning.text, options.critical.text)
                   : ";";
    };
    std::string text = fmt::format("'{}'={}{};{};0;{}", row.resource->name,
                                   measured(row.reading.usage, unit), suffix, ranges(Metric::usage),
                                   limited ? measured(row.reading.limit, unit) : "");
    if (const auto percent = value_of(row, Metric::percent))
        text += fmt::format(" '{} used'={:.1f}%;{};0;100", row.resource->name, *percent,
                            ranges(Metric::percent));
    return text;
}

std::string described(const Row& row) {
    const Unit unit = row.resource->unit;
    std::string text = terminal_safe(row.subject.name) + " at " +
                       format_quantity(row.reading.usage, unit);
    std::replace(text.begin(), text.end(), '|', '/');
    if (row.reading.limit == resource::kUnlimited) return text + ", no limit";
    text += " of " + format_quantity(row.reading.limit, unit);
    if (const auto percent = value_of(row, Metric::percent))
        text += fmt::format(" ({:.1f}%)", *percent);
    return text;
}

Verdict verdict_of(const Options& options, const Found& found, const std::string& asked) {
    Verdict verdict{.status = Status::ok, .line = {}};
    const Row* worst = found.rows.empty() ? nullptr : &found.rows.front();
    for (const Row& row : found.rows) {
        const auto value = value_of(row, options.metric);
        const Status status = value ? judge(options, *value) : Status::ok;
        if (status <= verdict.status) continue;
        verdict.status = status;
        worst = &row;
    }
    std::string text;
    if (worst) text = described(*worst);
    if (found.rows.size() > 1) text += fmt::format(", of {}", found.rows.size());
    if (!worst) text = found.why.empty() ? "there is no " + asked : "nothing is known of " + asked;
    if (!found.why.empty()) text += fmt::format("; {}", found.why);
    // What was not read could be worse: no false OK.
    if (verdict.status == Status::ok && (!worst || !found.why.empty()))
        verdict.status = Status::unknown;
    std::string name(options.resource->name);
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    verdict.line = fmt::format("{} {} - {}", name, status_name(verdict.status), text);
    if (worst) verdict.line += " | " + performance(options, *worst);
    return verdict;
}

}  // namespace

const char* status_name(Status status) {
    switch (status) {
        case Status::ok: return "OK";
        case Status::warning: return "WARNING";
        case Status::critical: return "CRITICAL";
        case Status::unknown: break;
    }
    return "UNKNOWN";
}

Verdict check(kernel::Machine& machine, const Options& options) {
    const Asked asked(machine, options);
    resource::Survey survey = resource::read_survey(machine, {options.resource});
    const Found found = options.resource->scope == Scope::process
                            ? find_processes(machine, asked, std::move(survey))
                            : find_others(asked, std::move(survey));
    return verdict_of(options, found, asked.description());
}

}  // namespace brink::check
