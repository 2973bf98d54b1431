// SPDX-License-Identifier: Apache-2.0
#include "named_cgroup.hpp"

#include <unistd.h>

#include <filesystem>

#include "machine.hpp"

namespace brink::live {
namespace {

std::string first_with_processes(std::initializer_list<const char*> folders) {
    for (const char* folder : folders)
        if (::access((std::string(folder) + "/cgroup.procs").c_str(), W_OK) == 0) return folder;
    return "";
}

}  // namespace

std::string NamedCgroup::unified() {
    return first_with_processes({"/sys/fs/cgroup/unified", "/sys/fs/cgroup"});
}

std::string NamedCgroup::systemd() { return first_with_processes({"/sys/fs/cgroup/systemd"}); }

NamedCgroup::NamedCgroup(const std::string& name, const std::string& hierarchy)
    : hierarchy_(hierarchy), name_(name), folder_(hierarchy + "/" + name) {
    if (!hierarchy_.empty()) make();
}

NamedCgroup::~NamedCgroup() {
    // What was killed a moment ago may not have left yet.
    if (there()) eventually([&] { return remove(); });
    std::error_code ignored;
    for (std::filesystem::path parent = std::filesystem::path(folder_).parent_path();
         parent.string().size() > hierarchy_.size(); parent = parent.parent_path())
        if (::rmdir(parent.c_str()) != 0) break;
}

bool NamedCgroup::there() const {
    return !hierarchy_.empty() && ::access((folder_ + "/cgroup.procs").c_str(), W_OK) == 0;
}

void NamedCgroup::make() const {
    std::error_code ignored;
    std::filesystem::create_directories(folder_, ignored);
}

bool NamedCgroup::remove() const { return ::rmdir(folder_.c_str()) == 0; }

bool NamedCgroup::take(pid_t pid) const {
    return write_file(folder_ + "/cgroup.procs", std::to_string(pid));
}

bool NamedCgroup::give_back(pid_t pid) const {
    return write_file(hierarchy_ + "/cgroup.procs", std::to_string(pid));
}

}  // namespace brink::live
