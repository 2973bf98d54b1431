// SPDX-License-Identifier: Apache-2.0
// brink limits: every limit of this machine in one table, once or again and again.
#include <fmt/format.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "commands.hpp"
#include "engine_choice.hpp"
#include "kernel/machine.hpp"
#include "output.hpp"
#include "resource/survey.hpp"
#include "sink/limits.hpp"
#include "stop_signals.hpp"
#include "terminal.hpp"

namespace brink::app {
namespace {

sink::LimitsView view_of(resource::Survey& survey, const LimitsOptions& options, std::size_t most) {
    sink::LimitsView view;
    if (options.every_subject)
        for (resource::Row& row : survey.rows) view.rows.push_back({&row, 1});
    else
        view.rows = resource::nearest_of_each(survey);
    if (view.rows.size() > most) {
        view.left_out = view.rows.size() - most;
        view.rows.resize(most);
    }
    for (const resource::Remark& remark : survey.remarks) view.remarks.push_back(&remark);
    return view;
}

std::string read_once(const LimitsOptions& options, std::size_t most) {
    kernel::Machine machine;
    const std::int64_t now = clock_ns(CLOCK_REALTIME);
    resource::Survey survey = resource::read_survey(machine, options.resources);
    const sink::LimitsView view = view_of(survey, options, most);
    for (const resource::Nearest& nearest : view.rows)
        resource::name_process(machine, *nearest.row);
    return options.output == OutputFormat::json
               ? sink::limits_json(view, survey.engine, now)
               : sink::limits_table(view, survey.engine, text_style(STDOUT_FILENO));
}

// A screen of a terminal: what stands there is written over, so that nothing flickers.
std::string as_screen(const std::string& text) {
    std::string screen = "\x1b[H";
    for (const char c : text) screen += c == '\n' ? std::string("\x1b[K\n") : std::string(1, c);
    return screen + "\x1b[J";
}

}  // namespace

int limits_command(const LimitsOptions& options) {
    raise_own_limits();
    const std::size_t wanted = options.lines.value_or(SIZE_MAX);
    const bool screen = options.again && options.output == OutputFormat::text &&
                        ::isatty(STDOUT_FILENO);
    const Fd signals(options.again ? stop_signals() : -1);
    for (;;) {
        // The headline, the line that counts the rest, and one for the cursor.
        const std::size_t lines = terminal_lines(STDOUT_FILENO);
        const std::size_t most = screen && lines > 4 ? std::min(wanted, lines - 3) : wanted;
        const std::string text = read_once(options, most);
        if (const int error = write_all(STDOUT_FILENO, screen ? as_screen(text) : text)) {
            if (error == EPIPE) return 0;
            notice(fmt::format("standard output: {}", std::strerror(error)));
            return 1;
        }
        if (!options.again) return 0;
        pollfd stop{signals.get(), POLLIN, 0};
        const auto wait_ms = static_cast<int>(options.interval_ns / 1'000'000);
        if (::poll(&stop, 1, wait_ms) > 0) return 0;
    }
}

}  // namespace brink::app
