// SPDX-License-Identifier: Apache-2.0
#include "cgroup_for_now.hpp"

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

std::string CgroupForNow::unified() {
    return first_with_processes({"/sys/fs/cgroup/unified", "/sys/fs/cgroup"});
}

std::string CgroupForNow::systemd() { return first_with_processes({"/sys/fs/cgroup/systemd"}); }

CgroupForNow::CgroupForNow(const std::string& name, const std::string& hierarchy)
    : hierarchy_(hierarchy), name_(name), folder_(hierarchy + "/" + name) {
    if (!hierarchy_.empty()) make();
}

CgroupForNow::~CgroupForNow() {
    // What was killed a moment ago may not have left yet.
    if (there()) eventually([&] { return remove(); });
    std::error_code ignored;
    for (std::filesystem::path parent = std::filesystem::path(folder_).parent_path();
         parent.string().size() > hierarchy_.size(); parent = parent.parent_path())
        if (::rmdir(parent.c_str()) != 0) break;
}

bool CgroupForNow::there() const {
    return !hierarchy_.empty() && ::access((folder_ + "/cgroup.procs").c_str(), W_OK) == 0;
}

void CgroupForNow::make() const {
    std::error_code ignored;
    std::filesystem::create_directories(folder_, ignored);
}

bool CgroupForNow::remove() const { return ::rmdir(folder_.c_str()) == 0; }

bool CgroupForNow::take(pid_t pid) const {
    return write_file(folder_ + "/cgroup.procs", std::to_string(pid));
}

bool CgroupForNow::give_back(pid_t pid) const {
    return write_file(hierarchy_ + "/cgroup.procs", std::to_string(pid));
}

}  // namespace brink::live
