// SPDX-License-Identifier: Apache-2.0
// nagios: results of passive checks, written to the command file of a Nagios (or Icinga 1, Naemon) on this machine.
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.hpp"
#include "base/utf8.hpp"
#include "output/output.hpp"
#include "output/shared/passive_checks.hpp"

namespace brink::output {
namespace {

class Nagios : public PassiveChecks {
  public:
    Nagios(Settings& settings, const Surroundings& surroundings)
        : PassiveChecks(settings, surroundings),
          path_(settings.text("command_file", "/var/lib/nagios4/rw/nagios.cmd")),
          timeout_ms_(settings.duration_ms("timeout", 10'000)),
          stop_fd_(surroundings.stop_fd) {
        if (path_.empty()) settings.complain("command_file", "it is empty; write the path");
    }

  protected:
    // The file is a pipe, which exists while Nagios runs. Nobody can write into the middle of up to PIPE_BUF bytes.
    Answer send(const std::vector<CheckResult>& results) override {
        const Fd pipe(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        if (!pipe && errno == ENXIO)
            return Answer::failed(fmt::format("{}: nobody reads it: Nagios does not run", path_));
        if (!pipe) return Answer::failed(fmt::format("{}: {}", path_, std::strerror(errno)));
        struct stat status {};
        if (::fstat(pipe.get(), &status) != 0 || !S_ISFIFO(status.st_mode))
            return Answer::failed(
                fmt::format("{} is no pipe, so no command file of Nagios", path_));
        for (const CheckResult& result : results)
            if (const std::string problem = write(pipe, line_of(result)); !problem.empty())
                return Answer::failed(problem);
        return Answer::taken(1, fmt::format("{} has taken {} lines", path_, results.size()));
    }

  private:
    static std::string line_of(const CheckResult& result) {
        std::string line = fmt::format("[{}] PROCESS_SERVICE_CHECK_RESULT;{};{};{};{}",
                                       result.time_ns / 1'000'000'000, result.host, result.service,
                                       static_cast<int>(result.status), result.output());
        line.resize(std::min<std::size_t>(line.size(), PIPE_BUF - 1));
        return line + '\n';
    }

    // What went wrong; empty if nothing did.
    [[nodiscard]] std::string write(const Fd& pipe, const std::string& line) const {
        while (::write(pipe.get(), line.data(), line.size()) < 0) {
            if (errno != EAGAIN) return fmt::format("{}: {}", path_, std::strerror(errno));
            std::array<pollfd, 2> fds{{{pipe.get(), POLLOUT, 0}, {stop_fd_, POLLIN, 0}}};
            if (::poll(fds.data(), fds.size(), timeout_ms_) == 0)
                return fmt::format("{} is full, and was not read for {} ms", path_, timeout_ms_);
            if (fds[1].revents != 0) return "the relay ends";
        }
        return {};
    }

    std::string path_;
    int timeout_ms_;
    int stop_fd_;
};

}  // namespace

extern const Definition k_nagios;
const Definition k_nagios{
    .type = "nagios",
    .summary = "passive checks, into Nagios's command file",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Nagios>(settings, surroundings);
    },
};

}  // namespace brink::output
