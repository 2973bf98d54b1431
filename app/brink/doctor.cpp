// SPDX-License-Identifier: Apache-2.0
// brink doctor: what this kernel and these privileges allow, hook by hook, and why not more.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "brink/resource.hpp"
#include "commands.hpp"
#include "engine_choice.hpp"
#include "kernel/procfs.hpp"
#include "kernel/self_test.hpp"
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
    return hook.optional ? "refusals are not reported" : "engine " + chosen;
}

struct Diagnosis {
    std::vector<EngineReport> engines;
    std::string poll;    // how the poll engine counts, or why it cannot
    std::string chosen;  // what `run` and `watch` use
};

Diagnosis examine(const DoctorOptions& options) {
    Diagnosis diagnosis;
    diagnosis.chosen = "poll";
    for (const HookEngine engine : {HookEngine::kernel, HookEngine::tracepoint}) {
        diagnosis.engines.push_back(kernel::test_engine(engine, options.btf));
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
    return diagnosis;
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
    fmt::print("{}\n", ordered_json{{"engine", "poll"}, {"detail", diagnosis.poll}}.dump());
    for (const Resource* resource : resources())
        fmt::print("{}\n",
                   ordered_json{{"resource", resource->name}, {"engine", diagnosis.chosen}}.dump());
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
    fmt::print("\nengine {:<12}{}{}\n", "poll", diagnosis.poll,
               diagnosis.chosen == "poll" ? "  <- used" : "");
    fmt::print("\n");
    for (const Resource* resource : resources())
        fmt::print("{:<12} engine {:<12}{}: {}\n", resource->name, diagnosis.chosen,
                   resource->summary,
                   diagnosis.chosen == "poll" ? "what happens between two looks is missed"
                                              : resource->exactness);
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
