// SPDX-License-Identifier: Apache-2.0
// brink doctor: what this kernel and these privileges allow, hook by hook, and why not more.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/own_limits.hpp"
#include "base/utf8.hpp"
#include "brink/resource.hpp"
#include "commands.hpp"
#include "engine/hook_needs.hpp"
#include "engine_choice.hpp"
#include "kernel/facility_test.hpp"
#include "kernel/machine.hpp"
#include "kernel/procfs.hpp"
#include "kernel/self_test.hpp"
#include "kernel/wakeup_hooks.hpp"
#include "resource/survey.hpp"
#include "sink/text_paint.hpp"
#include "terminal.hpp"

namespace brink::app {
namespace {

using kernel::EngineReport;
using kernel::HookEngine;
using kernel::HookStatus;
using sink::Tone;

std::string_view name_of(HookEngine engine) {
    return engine == HookEngine::kernel ? "kernel" : "tracepoint";
}

// What takes the place of a hook that does not work.
std::string instead_of(const HookStatus& hook, const std::string& chosen) {
    if (hook.runs > 0) return "";
    if (hook.optional) return "it is not seen when " + hook.purpose;
    return "engine " + (hook.shared ? "poll" : chosen);
}

struct Diagnosis {
    std::vector<EngineReport> engines;
    std::string poll;       // how the poll engine counts, or why it cannot
    std::string timer;      // why engine timer does not work; empty if it does
    std::string notify;     // the same
    std::string wakeups;    // why wake-ups are not seen; empty if they are
    bool refusals = false;  // cgroup v2 is there, which says when a cgroup is refused something
    std::string iterator;   // why limits and top cannot use the task iterator; empty if they can
    std::string chosen;     // what `run` and `watch` use for what has hooks
    unsigned broken = 0;    // HookPlace::kShared: what engine `kernel` does not see here
    std::map<const Resource*, std::string> unreadable;  // why nothing can be read here
};

// The engine that watches a resource here; empty: none does.
std::string engine_of(const Resource& resource, const Diagnosis& diagnosis) {
    if (resource.has_tracepoints()) return diagnosis.chosen;
    if (resource.has_hooks()) {
        kernel::HookOptions needs = engine::no_hooks();
        engine::add_needs(needs, resource, true);
        return needs.shared & diagnosis.broken ? "poll" : "kernel";
    }
    if (resource.facility == Facility::cpu_timer && diagnosis.timer.empty()) return "timer";
    if (resource.facility == Facility::pressure && diagnosis.notify.empty()) return "notify";
    if (resource.facility == Facility::wakeups)
        return diagnosis.wakeups.empty() ? "tracepoint" : "";
    return resource.watchable() ? "poll" : "";
}

bool says_refusals(const Resource& resource, const Diagnosis& diagnosis) {
    return resource.facility == Facility::cgroup_events && diagnosis.refusals;
}

// What is to be known of a resource on this machine.
std::string detail_of(const Resource& resource, const Diagnosis& diagnosis) {
    if (resource.facility == Facility::wakeups && diagnosis.wakeups.empty())
        return std::string(resource.exactness);
    if (const auto found = diagnosis.unreadable.find(&resource);
        found != diagnosis.unreadable.end())
        return "not here: " + found->second;
    const std::string engine = engine_of(resource, diagnosis);
    if (engine.empty()) return "shown by limits and top; " + std::string(resource.exactness);
    if (engine == "notify") return "a level is heard of within 2 s";
    if (engine != "poll") return std::string(resource.exactness);
    std::string detail = "what happens between two looks is missed";
    if (says_refusals(resource, diagnosis)) detail += ", but for refusals (engine notify)";
    if (resource.exactness != "exact") detail.append("; ").append(resource.exactness);
    return detail;
}

Diagnosis examine(const DoctorOptions& options) {
    Diagnosis diagnosis;
    diagnosis.chosen = "poll";
    for (const HookEngine engine : {HookEngine::kernel, HookEngine::tracepoint}) {
        diagnosis.engines.push_back(kernel::test_engine(engine, options.btf));
        if (engine == HookEngine::kernel) diagnosis.broken = diagnosis.engines.back().broken;
        if (diagnosis.engines.back().works && diagnosis.chosen == "poll")
            diagnosis.chosen = name_of(engine);
    }
    const kernel::Procfs procfs;
    const auto count = procfs.descriptor_count(::getpid());
    if (!count)
        diagnosis.poll = "does not work: " + count.error().message;
    else
        diagnosis.poll = procfs.count_is_one_stat() ? "one stat of /proc/PID/fd a look"
                                                    : "reads /proc/PID/fd at each look (Linux 6.2 "
                                                      "gives the count in one stat)";
    if (const auto timer = kernel::test_cpu_timer(); !timer)
        diagnosis.timer = timer.error().message;
    if (const auto trigger = kernel::test_pressure_trigger(); !trigger)
        diagnosis.notify = trigger.error().message;
    if (const auto hooks = kernel::WakeupHooks::start(
            {.mode = BRINK_WAKEUPS_WATCH, .max_threads = 1, .btf = options.btf});
        !hooks)
        diagnosis.wakeups = hooks.error().message;
    const auto iterator = kernel::TaskIterator::load();
    if (!iterator) diagnosis.iterator = iterator.error().message;
    kernel::Machine machine = look_at_machine(iterator ? iterator->get() : nullptr);
    diagnosis.refusals = machine.unified_cgroups().has_value();
    for (const resource::Remark& remark :
         resource::read_survey(machine, {resources().begin(), resources().end()}).remarks)
        if (remark.nothing) diagnosis.unreadable[remark.resource] = remark.text;
    return diagnosis;
}

// Engines that need no hooks.
struct FacilityReport {
    std::string_view engine;
    std::string_view sees;
    std::string reason;  // why it does not work; empty if it does
};

std::vector<FacilityReport> facilities(const Diagnosis& diagnosis) {
    return {{"timer", "CPU time of processes", diagnosis.timer},
            {"tracepoint", "wake-ups of threads", diagnosis.wakeups},
            {"notify", "pressure", diagnosis.notify},
            {"notify", "refusals of cgroups",
             diagnosis.refusals ? "" : "cgroup v2 is not mounted"}};
}

void print_json(const Diagnosis& diagnosis) {
    using nlohmann::ordered_json;
    for (const EngineReport& report : diagnosis.engines) {
        for (const HookStatus& hook : report.hooks) {
            ordered_json line{{"engine", name_of(report.engine)},
                              {"hook", hook.name},
                              {"kind", hook.kind},
                              {"sees", hook.purpose},
                              {"loads", hook.loaded},
                              {"attaches", hook.attached},
                              {"fires", hook.runs > 0},
                              {"required", !hook.optional}};
            if (!hook.reason.empty()) line["reason"] = hook.reason;
            if (hook.runs == 0) line["instead"] = instead_of(hook, diagnosis.chosen);
            fmt::print("{}\n", line.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
        }
        ordered_json line{{"engine", name_of(report.engine)}, {"works", report.works}};
        if (!report.works) line["reason"] = report.reason;
        if (report.map_bytes) line["map_bytes"] = report.map_bytes;
        fmt::print("{}\n", line.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
    }
    for (const FacilityReport& facility : facilities(diagnosis)) {
        ordered_json line{{"engine", facility.engine},
                          {"sees", facility.sees},
                          {"works", facility.reason.empty()}};
        if (!facility.reason.empty()) line["reason"] = facility.reason;
        fmt::print("{}\n", line.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
    }
    fmt::print("{}\n", ordered_json{{"engine", "poll"}, {"detail", diagnosis.poll}}.dump());
    ordered_json iterator{{"iterator", "task"}, {"works", diagnosis.iterator.empty()}};
    if (!diagnosis.iterator.empty()) iterator["reason"] = diagnosis.iterator;
    fmt::print("{}\n", iterator.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
    for (const Resource* resource : resources()) {
        const std::string engine = engine_of(*resource, diagnosis);
        ordered_json line{{"resource", resource->name}, {"scope", scope_name(resource->scope)}};
        if (!engine.empty()) line["engine"] = engine;
        line["detail"] = detail_of(*resource, diagnosis);
        fmt::print("{}\n", line.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
    }
}

// What holds for the whole engine has been said above its hooks.
void print_hook(const HookStatus& hook, const EngineReport& report, const Diagnosis& diagnosis,
                const sink::TextStyle& style) {
    const auto yes_no = [&](bool yes, std::string_view what) {
        const std::string word = yes ? fmt::format("{:<9}", what) : fmt::format("{:<9}", "-");
        return sink::paint(style, yes ? Tone::good : Tone::alarm, word);
    };
    fmt::print("    {:<15}{:<30}{}{}{}{}\n", hook.kind, hook.name, yes_no(hook.loaded, "loads"),
               yes_no(hook.attached, "attaches"), yes_no(hook.runs > 0, "fires"), hook.purpose);
    if (hook.runs == 0 && !hook.reason.empty() && hook.reason != report.reason)
        fmt::print("{:20}{}; instead: {}\n", "", hook.reason, instead_of(hook, diagnosis.chosen));
}

void print_engine(const EngineReport& report, const Diagnosis& diagnosis,
                  const sink::TextStyle& style) {
    const std::string verdict = report.works ? sink::paint(style, Tone::good, "works")
                                             : sink::paint(style, Tone::alarm, "does not work");
    fmt::print("\nengine {:<12}{}{}{}\n", name_of(report.engine), verdict,
               report.works ? "" : ": " + report.reason,
               name_of(report.engine) == diagnosis.chosen ? "  <- used" : "");
    for (const HookStatus& hook : report.hooks) print_hook(hook, report, diagnosis, style);
}

void print_text(const Diagnosis& diagnosis) {
    const sink::TextStyle style = text_style(STDOUT_FILENO);
    utsname system{};
    ::uname(&system);
    fmt::print("Linux {} on {}, as {}\n", system.release, system.machine,
               ::geteuid() == 0 ? "root" : fmt::format("user {}", ::geteuid()));
    for (const EngineReport& report : diagnosis.engines) print_engine(report, diagnosis, style);
    fmt::print("\n");
    for (const FacilityReport& facility : facilities(diagnosis)) {
        const bool works = facility.reason.empty();
        fmt::print("engine {:<12}{}{}: {}\n", facility.engine,
                   sink::paint(style, works ? Tone::good : Tone::alarm,
                               works ? "works" : "does not work"),
                   works ? "" : " (" + facility.reason + ")", facility.sees);
    }
    fmt::print("engine {:<12}{}{}\n", "poll", diagnosis.poll,
               diagnosis.chosen == "poll" ? "  <- used" : "");
    fmt::print("task iterator      {} (limits, top)\n",
               diagnosis.iterator.empty()
                   ? "works"
                   : "does not work: /proc is read instead; " + diagnosis.iterator);
    fmt::print("\n");
    for (const Resource* resource : resources()) {
        const std::string engine = engine_of(*resource, diagnosis);
        fmt::print("{:<18} {:<8} {:<11} {}\n", resource->name, scope_name(resource->scope),
                   engine.empty() ? "-" : engine, terminal_safe(detail_of(*resource, diagnosis)));
    }
}

}  // namespace

int doctor_command(const DoctorOptions& options) {
    raise_own_limits();
    const Diagnosis diagnosis = examine(options);
    if (options.output == OutputFormat::json)
        print_json(diagnosis);
    else
        print_text(diagnosis);
    return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace brink::app
