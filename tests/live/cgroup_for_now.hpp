// SPDX-License-Identifier: Apache-2.0
// A cgroup of a test's own, removed with what is in it.
#pragma once

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "machine.hpp"

namespace brink::live {

class CgroupForNow {
  public:
    // In the hierarchy that has `controller`; "": in that of v2. exists() is false where there is none.
    explicit CgroupForNow(const std::string& controller) {
        std::istringstream mounts(read_file("/proc/self/mounts"));
        for (std::string line; std::getline(mounts, line);) {
            std::istringstream words(line);
            std::string source, point, type, options;
            words >> source >> point >> type >> options;
            if (type == "cgroup2") take(point, controller, 2);
            if (type == "cgroup" && ("," + options + ",").find("," + controller + ",") != line.npos)
                take(point, controller, 1);
        }
        if (exists() && ::mkdir(folder_.c_str(), 0755) != 0) version_ = 0;
    }
    ~CgroupForNow() { remove(); }
    CgroupForNow(const CgroupForNow&) = delete;
    CgroupForNow& operator=(const CgroupForNow&) = delete;

    bool exists() const { return version_ != 0; }
    int version() const { return version_; }
    const std::string& path() const { return path_; }
    std::string file(const std::string& name) const { return folder_ + "/" + name; }
    bool set(const std::string& name, const std::string& value) const {
        return write_file(file(name), value);
    }
    bool enter(pid_t pid) const { return set("cgroup.procs", std::to_string(pid)); }
    std::uint64_t number(const std::string& name) const {
        std::uint64_t value = 0;
        std::istringstream(read_file(file(name))) >> value;
        return value;
    }
    // The number behind `key`.
    std::uint64_t field(const std::string& name, const std::string& key) const {
        std::istringstream words(read_file(file(name)));
        std::string word;
        std::uint64_t value = 0;
        while (words >> word)
            if (word == key) words >> value;
        return value;
    }
    // Ends what is in it. False if it does not go.
    bool remove() const {
        return !exists() || eventually([&] {
            std::istringstream pids(read_file(file("cgroup.procs")));
            for (pid_t pid = 0; pids >> pid;) ::kill(pid, SIGKILL);
            return ::rmdir(folder_.c_str()) == 0 || errno == ENOENT;
        });
    }

  private:
    void take(const std::string& point, const std::string& controller, int version) {
        if (exists()) return;
        if (version == 2 && !controller.empty()) {
            if (read_file(point + "/cgroup.controllers").find(controller) == std::string::npos)
                return;
            (void)write_file(point + "/cgroup.subtree_control", "+" + controller);
        }
        version_ = version;
        path_ = "/brink-test-" + std::to_string(::getpid());
        folder_ = point + path_;
    }

    int version_ = 0;
    std::string path_;
    std::string folder_;
};

}  // namespace brink::live
