// SPDX-License-Identifier: Apache-2.0
// A cgroup of a test's own, of v2 or of another hierarchy that has no controller.
#pragma once

#include <sys/types.h>

#include <string>

namespace brink::live {

class NamedCgroup {
  public:
    // `name`: a path below the root, whose parts are made as needed. `hierarchy`: where it is mounted.
    explicit NamedCgroup(const std::string& name, const std::string& hierarchy = unified());
    ~NamedCgroup();
    NamedCgroup(const NamedCgroup&) = delete;
    NamedCgroup& operator=(const NamedCgroup&) = delete;

    // Whether it could be made.
    [[nodiscard]] bool there() const;
    [[nodiscard]] std::string path() const { return "/" + name_; }  // as /proc/PID/cgroup has it
    [[nodiscard]] const std::string& folder() const { return folder_; }
    [[nodiscard]] bool take(pid_t pid) const;
    [[nodiscard]] bool give_back(pid_t pid) const;  // to the root
    void make() const;
    bool remove() const;

    // Where cgroup v2 is mounted, and systemd's hierarchy of v1; empty where it is not.
    static std::string unified();
    static std::string systemd();

  private:
    std::string hierarchy_;
    std::string name_;
    std::string folder_;
};

}  // namespace brink::live
