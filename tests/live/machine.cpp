// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <dirent.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace brink::live {
namespace {

std::string from_environment(const char* variable, const char* otherwise) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

// Field `number` (from 1) of /proc/PID/stat; the name in field 2 may contain anything.
std::string stat_field(const std::string& path, int number) {
    const std::string text = read_file(path);
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return "";
    std::istringstream rest(text.substr(name_end + 2));
    std::string field;
    for (int i = 3; i <= number; ++i) rest >> field;
    return field;
}

std::set<pid_t> numbers_in(const std::string& folder) {
    std::set<pid_t> numbers;
    DIR* directory = ::opendir(folder.c_str());
    if (directory == nullptr) return numbers;
    while (const dirent* entry = ::readdir(directory))
        if (entry->d_name[0] != '.') numbers.insert(std::atoi(entry->d_name));
    ::closedir(directory);
    return numbers;
}

}  // namespace

std::string brink_path() { return from_environment("BRINK", DEFAULT_BRINK); }
std::string daemon_path() { return from_environment("BRINKD", DEFAULT_BRINKD); }
std::string engine() { return from_environment("BRINK_ENGINE", DEFAULT_ENGINE); }
std::string work(const std::string& name) {
    return from_environment("BRINK_WORK", DEFAULT_WORK) + "/" + name;
}

long scaled(const char* variable, long otherwise) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0' ? std::atol(value) : otherwise;
}

long repeated(long times) { return engine() == "kernel" ? (times + 4) / 5 : times; }

std::chrono::seconds patience() {
    return std::chrono::seconds(scaled("BRINK_LIVE_PATIENCE_S", 120));
}

bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + patience();
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

bool write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text << std::flush;
    return file.good();
}

std::optional<unsigned> descriptor_count(pid_t pid) {
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
    if (::access(folder.c_str(), F_OK) != 0) return std::nullopt;
    return static_cast<unsigned>(numbers_in(folder).size());
}

bool alive(pid_t pid) {
    const std::string state = stat_field("/proc/" + std::to_string(pid) + "/stat", 3);
    return !state.empty() && state != "Z" && state != "X";
}

std::optional<std::uint64_t> start_time(pid_t pid) {
    const std::string field = stat_field("/proc/" + std::to_string(pid) + "/stat", 22);
    if (field.empty()) return std::nullopt;
    return std::strtoull(field.c_str(), nullptr, 10);
}

std::uint64_t context_switches(pid_t pid) {
    std::uint64_t total = 0;
    for (const pid_t tid : threads(pid)) {
        std::istringstream status(
            read_file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/status"));
        for (std::string line; std::getline(status, line);)
            if (const std::size_t at = line.find("ctxt_switches:"); at != std::string::npos)
                total += std::strtoull(line.c_str() + at + 14, nullptr, 10);
    }
    return total;
}

bool comes_to_rest(pid_t pid) {
    return eventually([&] {
        const std::uint64_t switches = context_switches(pid);
        std::this_thread::sleep_for(std::chrono::seconds(1));
        return context_switches(pid) == switches;
    });
}

std::set<pid_t> threads(pid_t pid) { return numbers_in("/proc/" + std::to_string(pid) + "/task"); }

std::vector<pid_t> children(pid_t pid) {
    std::vector<pid_t> found;
    for (const pid_t candidate : numbers_in("/proc"))
        if (candidate > 0 &&
            stat_field("/proc/" + std::to_string(candidate) + "/stat", 4) == std::to_string(pid))
            found.push_back(candidate);
    return found;
}

std::set<std::uint32_t> bpf_programs_of(pid_t pid) {
    std::set<std::uint32_t> ids;
    const std::string folder = "/proc/" + std::to_string(pid) + "/fdinfo";
    for (const pid_t fd : numbers_in(folder)) {
        std::istringstream info(read_file(folder + "/" + std::to_string(fd)));
        for (std::string line; std::getline(info, line);)
            if (line.rfind("prog_id:", 0) == 0)
                ids.insert(static_cast<std::uint32_t>(std::strtoul(line.c_str() + 8, nullptr, 10)));
    }
    return ids;
}

bool none_loaded(const std::set<std::uint32_t>& programs) {
    for (const std::uint32_t id : programs) {
        bpf_attr attributes{};
        attributes.prog_id = id;
        const long fd = ::syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attributes, sizeof attributes);
        if (fd < 0) continue;
        ::close(static_cast<int>(fd));
        return false;
    }
    return true;
}

ScratchFolder::ScratchFolder() {
    const char* base = std::getenv("TMPDIR");
    std::string path = std::string(base != nullptr && *base != '\0' ? base : "/tmp") +
                       "/brink-live.XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
        std::perror(path.c_str());
        std::exit(2);
    }
    path_ = path;
    std::filesystem::permissions(
        path_, std::filesystem::perms::all);  // for the tests with an ordinary user
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

SysctlForNow::SysctlForNow(const std::string& name, const std::string& value)
    : path_("/proc/sys/" + name), before_(read_file(path_)), done_(write_file(path_, value)) {}

SysctlForNow::~SysctlForNow() {
    if (done_) write_file(path_, before_);
}

bool kernel_preempts_hooks() {
    if (engine() != "kernel") return false;
    return read_file("/proc/version").find("PREEMPT_RT") != std::string::npos;
}

}  // namespace brink::live
