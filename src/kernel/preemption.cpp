// SPDX-License-Identifier: Apache-2.0
#include "kernel/preemption.hpp"

#include <sys/utsname.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace brink::kernel {
namespace {

// From 7.0 on x86 and arm64 know only full and lazy preemption.
constexpr int kFirstAlwaysPreemptible = 7;

std::string content_of(const char* path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

bool kernel_is_preemptible() {
    utsname system{};
    if (::uname(&system)) return true;
    const std::string version = system.version;
    if (has(version, "PREEMPT_RT")) return true;
    if (!has(version, "PREEMPT")) return false;
    if (!has(version, "PREEMPT_DYNAMIC")) return true;
    // "none voluntary (full) lazy": the one in parentheses holds.
    const std::string models = content_of("/sys/kernel/debug/sched/preempt");
    if (has(models, "(")) return !has(models, "(none)") && !has(models, "(voluntary)");
    const std::string command_line = content_of("/proc/cmdline");
    if (has(command_line, "preempt=full") || has(command_line, "preempt=lazy")) return true;
    if (has(command_line, "preempt=none") || has(command_line, "preempt=voluntary")) return false;
    return std::atoi(system.release) >= kFirstAlwaysPreemptible;
}

}  // namespace brink::kernel
