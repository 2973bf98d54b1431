// SPDX-License-Identifier: Apache-2.0
#include "journal.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "sink/json.hpp"
#include "sink/text.hpp"

namespace brink::app {
namespace {

// "DEVICE:INODE" of what systemd has connected; a shell in between may have sent it elsewhere.
bool stderr_is_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    return stream && ::fstat(STDERR_FILENO, &status) == 0 &&
           fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

class Fields {
  public:
    Fields(Priority priority, const std::string& message) {
        add("MESSAGE", message);
        add("PRIORITY", std::to_string(static_cast<int>(priority)));
        add("SYSLOG_IDENTIFIER", "brinkd");
    }
    void add(std::string_view name, const std::string& value) {
        if (!value.empty()) fields_.push_back(fmt::format("{}={}", name, value));
    }
    template <typename Number>
    void add(std::string_view name, const std::optional<Number>& value) {
        if (value) add(name, std::to_string(*value));
    }
    void send() {
        std::vector<iovec> parts;
        for (std::string& field : fields_) parts.push_back({field.data(), field.size()});
        (void)::sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
    }

  private:
    std::vector<std::string> fields_;
};

// A line as in brink watch, without its time: the journal has one.
std::string text_of(const Event& event) {
    sink::TextRenderer renderer({}, false);
    std::string text = renderer.render(event);
    if (const std::size_t begin = text.find("  "); begin != std::string::npos)
        text.erase(0, begin + 2);
    while (text.ends_with('\n')) text.pop_back();
    return event.rule.empty() ? text : fmt::format("rule {}: {}", event.rule, text);
}

void write_line(const std::string& message) {
    const std::string line = "brinkd: " + message + "\n";
    (void)!::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

Journal::Journal() : journald_(stderr_is_journal()) {}

void Journal::say(Priority priority, const std::string& message) const {
    if (journald_)
        Fields(priority, message).send();
    else
        write_line(message);
}

void Journal::say(Priority priority, const Event& event) const {
    if (!journald_) return write_line(text_of(event));
    Fields fields(priority, text_of(event));
    fields.add("BRINK_TYPE", std::string(sink::type_name(event.type)));
    fields.add("BRINK_RULE", event.rule);
    fields.add("BRINK_RESOURCE", event.resource);
    fields.add("BRINK_LEVEL_AS", event.level_as);
    fields.add("BRINK_USAGE", event.usage);
    fields.add("BRINK_LIMIT", event.limit);
    fields.add("BRINK_PID", event.pid);
    fields.add("BRINK_COMM", event.comm);
    fields.add("BRINK_UNIT", event.unit_name);
    fields.add("BRINK_ACTION", event.action);
    fields.add("BRINK_RESULT", event.result);
    fields.add("BRINK_JSON", sink::to_json(event));
    fields.send();
}

Priority priority_of(const Event& event) {
    switch (event.type) {
        case EventType::denied:
        case EventType::lost: return Priority::error;
        case EventType::crossing:
        case EventType::initial:
            return event.direction == Direction::down ? Priority::info : Priority::warning;
        case EventType::action:
            return event.result == "failed" ? Priority::error : Priority::notice;
        default: return Priority::info;
    }
}

}  // namespace brink::app
