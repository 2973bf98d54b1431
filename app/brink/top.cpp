// SPDX-License-Identifier: Apache-2.0
// brink top: processes, users, cgroups and sockets, nearest to any of their limits first; live on a terminal.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/own_limits.hpp"
#include "commands.hpp"
#include "engine_choice.hpp"
#include "kernel/descriptor_table.hpp"
#include "kernel/machine.hpp"
#include "output.hpp"
#include "screen.hpp"
#include "sink/text_evidence.hpp"
#include "sink/top.hpp"
#include "stop_signals.hpp"
#include "terminal.hpp"

namespace brink::app {
namespace {

using Clock = std::chrono::steady_clock;

int once(const TopOptions& options, const kernel::TaskIterator* iterator) {
    kernel::Machine machine = look_at_machine(iterator);
    const std::int64_t now = clock_ns(CLOCK_REALTIME);
    resource::Survey survey = resource::read_survey(machine, options.resources);
    const auto name = [&](resource::Row& row) { resource::name_process(machine, row); };
    const std::size_t most = options.lines.value_or(SIZE_MAX);
    const std::string text = options.output == OutputFormat::json
                                 ? sink::top_json(survey, name, most, now)
                                 : sink::top_table(survey, name, most, text_style(STDOUT_FILENO));
    return print(text).value_or(0);
}

// The terminal has another size.
int resize_signal() {
    sigset_t resized;
    sigemptyset(&resized);
    sigaddset(&resized, SIGWINCH);
    ::sigprocmask(SIG_BLOCK, &resized, nullptr);
    return ::signalfd(-1, &resized, SFD_CLOEXEC | SFD_NONBLOCK);
}

class Live {
  public:
    Live(const TopOptions& options, const kernel::TaskIterator* iterator)
        : options_(options),
          iterator_(iterator),
          signals_(stop_signals()),
          resized_(resize_signal()) {}

    int main() {
        Screen terminal;
        while (!screen_.done()) {
            if (Clock::now() >= due_) look();
            const std::size_t height = terminal_lines(STDOUT_FILENO);
            terminal.draw(screen_.render(text_style(STDOUT_FILENO), height ? height : 24));
            if (!wait(terminal)) return 0;
        }
        return 0;
    }

  private:
    void look() {
        machine_ = look_at_machine(iterator_);
        const auto name = [this](resource::Row& row) { resource::name_process(*machine_, row); };
        screen_.show(resource::read_survey(*machine_, options_.resources), name);
        describe();
        due_ = Clock::now() + std::chrono::nanoseconds(options_.interval_ns);
    }

    void describe() {
        const auto pid = screen_.detail_pid();
        if (!pid) {
            screen_.set_evidence("");
            return;
        }
        const Evidence evidence = kernel::describe_descriptors(machine_->procfs(), *pid);
        screen_.set_evidence(sink::evidence_block(evidence, text_style(STDOUT_FILENO), 0));
    }

    // Until a key, the next look, or a signal, which ends it. False: to end.
    bool wait(Screen& terminal) {
        pollfd fds[] = {{STDIN_FILENO, POLLIN, 0},
                        {signals_.get(), POLLIN, 0},
                        {resized_.get(), POLLIN, 0}};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_ - Clock::now()).count();
        ::poll(fds, 3, static_cast<int>(std::max<std::int64_t>(left, 0)));
        if (fds[1].revents != 0) return false;
        signalfd_siginfo info{};
        if (fds[2].revents != 0) (void)!::read(resized_.get(), &info, sizeof info);
        if (fds[0].revents == 0) return true;
        const auto before = screen_.detail_pid();
        const bool open = terminal.read_keys(
            [this](sink::TopScreen::Key key, char text) { screen_.press(key, text); });
        if (screen_.detail_pid() != before) describe();
        return open;
    }

    const TopOptions& options_;
    const kernel::TaskIterator* iterator_;
    Fd signals_;
    Fd resized_;
    std::optional<kernel::Machine> machine_;  // as it was at the last look
    sink::TopScreen screen_;
    Clock::time_point due_;
};

}  // namespace

int top_command(const TopOptions& options) {
    raise_own_limits();
    const auto iterator = choose_task_iterator(options.engine);
    if (!iterator) {
        notice(iterator.error().message);
        return 1;
    }
    if (options.once) return once(options, iterator->get());
    const char* terminal = std::getenv("TERM");
    const bool dumb = terminal == nullptr || std::string_view(terminal).empty() ||
                      std::string_view(terminal) == "dumb";
    if (!dumb && ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO))
        return Live(options, iterator->get()).main();
    if (dumb)
        notice("top: this terminal (TERM) cannot move its cursor; write --once for one table");
    else
        notice(
            "top: standard input and output are not both a terminal; write --once for one table");
    return 1;
}

}  // namespace brink::app
