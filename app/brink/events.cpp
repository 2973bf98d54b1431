// SPDX-License-Identifier: Apache-2.0
// brink events: what has happened, from the history that brinkd keeps.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "commands.hpp"
#include "forecast.hpp"
#include "output.hpp"
#include "sink/csv.hpp"
#include "sink/json_event.hpp"
#include "sink/text.hpp"
#include "stop_signals.hpp"
#include "store/history_reader.hpp"
#include "terminal.hpp"

namespace brink::app {
namespace {

constexpr int kFailure = 1;
constexpr std::size_t kTogether = 65536;

// Writes rows as they come. What is written may go to a pager: nothing is locked meanwhile (HistoryReader).
class Printer {
  public:
    explicit Printer(EventsFormat format)
        : format_(format), style_(text_style(STDOUT_FILENO)), text_(style_, false) {
        if (format == EventsFormat::csv) pending_ = sink::csv_header();
    }

    /// False: it could not be written, status() is what to end with.
    bool add(const store::HistoryRow& row) {
        if (format_ == EventsFormat::json)
            pending_.append(row.json).append("\n");
        else
            add_event(row.json);
        return pending_.size() < kTogether || send();
    }

    bool send() {
        if (!pending_.empty() && !status_) status_ = print(pending_);
        pending_.clear();
        return !status_;
    }

    [[nodiscard]] const std::optional<int>& status() const { return status_; }

  private:
    void add_event(const std::string& line) {
        const auto event = sink::event_from_json(line);
        if (!event) return notice("an entry of the history: " + event.error().message);
        if (format_ == EventsFormat::csv) {
            pending_ += sink::to_csv(*event);
            return;
        }
        add_day(event->time_ns);
        pending_ += text_.render(*event);
    }

    // Lines have the time of day only.
    void add_day(std::int64_t time_ns) {
        const std::time_t seconds = time_ns / 1'000'000'000;
        std::tm local{};
        localtime_r(&seconds, &local);
        const std::string day = fmt::format("{:04}-{:02}-{:02}", local.tm_year + 1900,
                                            local.tm_mon + 1, local.tm_mday);
        if (day == day_) return;
        day_ = day;
        pending_ += sink::paint(style_, sink::Tone::faint, day) + "\n";
    }

    EventsFormat format_;
    sink::TextStyle style_;
    sink::TextRenderer text_;
    std::string day_;
    std::string pending_;
    std::optional<int> status_;
};

int failed(const Error& error) {
    std::string hint;
    if (error.code == ENOENT)
        hint = "; brinkd keeps it: brink status says where, and --history names it";
    if (error.code == EACCES) hint = "; root may read it, and the members of group brink";
    notice(error.message + hint);
    return kFailure;
}

// Only what comes after `after`, with every condition but the number of lines.
int follow(store::HistoryReader& reader, store::HistoryQuery query, std::uint64_t after,
           Printer& printer) {
    const Fd signals(stop_signals());
    query.last.reset();
    while (true) {
        const auto end = reader.read(query, after,
                                     [&](const auto& row) { return printer.add(row); });
        if (!end) return failed(end.error());
        after = *end;
        if (!printer.send()) return *printer.status();
        pollfd fds[] = {{signals.get(), POLLIN, 0}, {reader.fd(), POLLIN, 0}};
        ::poll(fds, 2, -1);
        if (fds[0].revents) return 0;
        if (auto taken = reader.take_news(); !taken) return failed(taken.error());
    }
}

int show(store::HistoryReader& reader, const EventsOptions& options) {
    Printer printer(options.format);
    if (options.follow)
        if (auto followed = reader.follow(); !followed) return failed(followed.error());
    const auto end = reader.read(options.query, 0,
                                 [&](const auto& row) { return printer.add(row); });
    if (!end) return failed(end.error());
    if (!printer.send()) return *printer.status();
    if (options.follow) return follow(reader, options.query, *end, printer);
    if (const std::uint64_t missing = reader.missing())
        notice(fmt::format("{} events are missing in the history", missing));
    return 0;
}

int forecast(store::HistoryReader& reader, const EventsOptions& options) {
    Forecasts forecasts;
    const auto end = reader.read(options.query, 0, [&](const store::HistoryRow& row) {
        if (const auto event = sink::event_from_json(row.json)) forecasts.add(*event);
        return true;
    });
    if (!end) return failed(end.error());
    const std::string text = options.format == EventsFormat::json
                                 ? forecasts.json()
                                 : forecasts.text(text_style(STDOUT_FILENO));
    return print(text).value_or(0);
}

}  // namespace

int events_command(const EventsOptions& options) {
    auto reader = store::HistoryReader::open(options.history);
    if (!reader) return failed(reader.error());
    return options.forecast ? forecast(*reader, options) : show(*reader, options);
}

}  // namespace brink::app
