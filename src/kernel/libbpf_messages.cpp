// SPDX-License-Identifier: Apache-2.0
#include "kernel/libbpf_messages.hpp"

#include <bpf/libbpf.h>
#include <cap-ng.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace brink::kernel {
namespace {

constexpr std::size_t kKept = 65536;

std::string& kept() {
    static std::string text;
    return text;
}

int keep(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) return 0;
    char line[4096];
    const int n = std::vsnprintf(line, sizeof line, format, arguments);
    if (std::getenv("BRINK_DEBUG")) std::fputs(line, stderr);
    kept() += line;
    if (kept().size() > kKept) kept().erase(0, kept().size() - kKept);
    return n;
}

// Whether this process has what bpf(2) asks for, capabilities(7).
bool may_load() {
    capng_get_caps_process();
    return capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN) ||
           (capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF) &&
            capng_have_capability(CAPNG_EFFECTIVE, CAP_PERFMON));
}

// The last line that says something, without libbpf's own summary lines.
std::string last_words(const std::string& text) {
    std::string words;
    std::size_t at = 0;
    while (at < text.size()) {
        std::size_t end = text.find('\n', at);
        if (end == std::string::npos) end = text.size();
        const std::string line = text.substr(at, end - at);
        const bool summary = line.rfind("libbpf: ", 0) == 0 || line.rfind("processed ", 0) == 0 ||
                             line.rfind("-- ", 0) == 0 || line.empty();
        if (!summary || words.empty()) words = line;
        at = end + 1;
    }
    return words;
}

}  // namespace

LibbpfMessages::LibbpfMessages() {
    kept().clear();
    libbpf_set_print(keep);
}

LibbpfMessages::~LibbpfMessages() { libbpf_set_print(nullptr); }

std::string LibbpfMessages::why(int error) const {
    switch (error) {
        case EPERM:
            return may_load() ? "this kernel refuses such programs (lockdown)"
                              : "not permitted: it takes CAP_BPF and CAP_PERFMON, or root";
        case ENOMEM:
            return "no memory for the BPF maps (a memory cgroup or RLIMIT_MEMLOCK is too low; "
                   "fewer "
                   "--max-subjects need less)";
        case EMFILE: return "brink's own open-file limit is too low to load BPF programs; raise it";
        case ENOSYS: return "this kernel has no bpf(2)";
        default: {
            const std::string words = last_words(kept());
            const std::string number = std::strerror(error);
            return words.empty() ? number : number + " (" + words + ")";
        }
    }
}

}  // namespace brink::kernel
