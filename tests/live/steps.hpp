// SPDX-License-Identifier: Apache-2.0
// A process that does a few things, one each time it is told: for what happens to its ids and programs.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace brink::live {

class Steps {
  public:
    // Each step answers 0 or an errno. One that executes another program ends the list; its answer is 0 once the program
    // runs. It has five descriptors, or those of the test with `keeps` besides.
    explicit Steps(std::vector<std::function<int()>> steps, bool keeps = false);
    ~Steps();
    Steps(const Steps&) = delete;
    Steps& operator=(const Steps&) = delete;

    pid_t pid() const { return pid_; }
    int next() const;

  private:
    pid_t pid_ = -1;
    int orders_ = -1;
    int answers_ = -1;
};

// Steps.
std::function<int()> become(uid_t uid, gid_t gid);               // all ids
std::function<int()> become_mixed(uid_t real, uid_t saved);      // the effective one as the real one
std::function<int()> open_files(int count);                      // and keep them
std::function<int()> execute(const std::string& program);        // a busybox, or a copy of it, that sleeps

}  // namespace brink::live
