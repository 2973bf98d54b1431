// SPDX-License-Identifier: Apache-2.0
#include "kernel/preemption.hpp"

#include <sys/utsname.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace brink::kernel {
namespace {

std::string content_of(const char* path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

Preemption kernel_preemption() {
    utsname system{};
    if (::uname(&system)) return Preemption::kernel;
    const std::string version = system.version;
    if (has(version, "PREEMPT_RT")) return Preemption::realtime;
    if (!has(version, "PREEMPT")) return Preemption::none;
    if (!has(version, "PREEMPT_DYNAMIC")) return Preemption::kernel;
    // "none voluntary (full) lazy": the one in parentheses holds.
    std::string model = content_of("/sys/kernel/debug/sched/preempt");
    if (!has(model, "(")) model = content_of("/proc/cmdline");
    if (has(model, "(none)") || has(model, "(voluntary)")) return Preemption::none;
    if (has(model, "preempt=none") || has(model, "preempt=voluntary")) return Preemption::none;
    return Preemption::kernel;
}

bool preempts_tracepoints() {
    utsname system{};
    return ::uname(&system) || std::strtoul(system.release, nullptr, 10) >= 7;
}

}  // namespace brink::kernel
