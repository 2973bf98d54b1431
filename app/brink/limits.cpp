// SPDX-License-Identifier: Apache-2.0
// brink limits: every limit of this machine in one table, once or again and again.
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/own_limits.hpp"
#include "commands.hpp"
#include "engine_choice.hpp"
#include "kernel/machine.hpp"
#include "output.hpp"
#include "resource/survey.hpp"
#include "screen.hpp"
#include "sink/limits.hpp"
#include "stop_signals.hpp"
#include "terminal.hpp"

namespace brink::app {
namespace {

sink::LimitsView view_of(resource::Survey& survey, const LimitsOptions& options) {
    const std::size_t most = options.lines.value_or(SIZE_MAX);
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

std::string read_once(const LimitsOptions& options, const kernel::TaskIterator* iterator) {
    kernel::Machine machine = look_at_machine(iterator);
    const std::int64_t now = clock_ns(CLOCK_REALTIME);
    resource::Survey survey = resource::read_survey(machine, options.resources);
    const sink::LimitsView view = view_of(survey, options);
    for (const resource::Nearest& nearest : view.rows)
        resource::name_process(machine, *nearest.row);
    return options.output == OutputFormat::json
               ? sink::limits_json(view, now)
               : sink::limits_table(view, text_style(STDOUT_FILENO));
}

// As many lines as there are on a terminal; 0: it does not say.
std::string first_lines(std::string text, std::size_t lines) {
    std::size_t end = 0;
    for (std::size_t i = 0; i < lines; ++i) {
        const std::size_t newline = text.find('\n', end);
        if (newline == std::string::npos) return text;
        end = newline + 1;
    }
    if (end > 0) text.resize(end);
    return text;
}

}  // namespace

int limits_command(const LimitsOptions& options) {
    const Fd signals(options.again ? stop_signals() : -1);
    raise_own_limits();
    const bool screen = options.again && options.output == OutputFormat::text &&
                        ::isatty(STDOUT_FILENO);
    const auto iterator = choose_task_iterator(options.engine);
    if (!iterator) {
        notice(iterator.error().message);
        return 1;
    }
    for (;;) {
        std::string text = read_once(options, iterator->get());
        if (screen) text = as_screen(first_lines(std::move(text), terminal_lines(STDOUT_FILENO)));
        if (const auto status = print(text)) return *status;
        if (!options.again) return 0;
        pollfd stop{signals.get(), POLLIN, 0};
        const auto wait_ms = static_cast<int>(options.interval_ns / 1'000'000);
        if (::poll(&stop, 1, wait_ms) > 0) return 0;
    }
}

}  // namespace brink::app
