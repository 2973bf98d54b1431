// SPDX-License-Identifier: Apache-2.0
// FakeProc: a /proc tree of a test's own, in a directory that goes with it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "scratch_folder.hpp"

namespace brink::test {

class FakeProc {
  public:
    FakeProc() : root_(folder_.path()) {}

    [[nodiscard]] std::string root() const { return root_.string(); }

    /// Writes `text` to the file `name` below the root, e.g. "7/stat".
    void write(const std::string& name, const std::string& text) const {
        const std::filesystem::path path = root_ / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }

    void link(const std::string& name, const std::string& target) const {
        const std::filesystem::path path = root_ / name;
        std::filesystem::create_directories(path.parent_path());
        std::filesystem::create_symlink(target, path);
    }

    /// A process with the fields of stat that brink reads.
    void process(pid_t pid, const std::string& comm, pid_t ppid, std::uint64_t start_time,
                 char state = 'S', unsigned n_threads = 1) const {
        const std::string number = std::to_string(pid);
        std::string stat = number + " (" + comm + ") " + state + " " + std::to_string(ppid);
        stat += " 1 1 0 -1 4194304";       // fields 5 to 9
        stat += " 0 0 0 0 0 0 0 0 20 0 ";  // 10 to 19
        stat += std::to_string(n_threads) + " 0 " + std::to_string(start_time) + " 1000 10\n";
        write(number + "/stat", stat);
        std::filesystem::create_directories(root_ / number / "fd");
        std::filesystem::create_directories(root_ / number / "task" / number);
    }

  private:
    ScratchFolder folder_;
    std::filesystem::path root_;
};

}  // namespace brink::test
