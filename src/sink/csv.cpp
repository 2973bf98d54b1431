// SPDX-License-Identifier: Apache-2.0
#include "sink/csv.hpp"

#include <concepts>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/utf8.hpp"
#include "sink/json.hpp"

namespace brink::sink {
namespace {

// In the order in which to_csv() adds them.
constexpr std::string_view kHeader =
    "time,type,resource,scope,direction,level,level_as,cause,usage,limit,limit_hard,old_limit,unit,"
    "pid,tid,ppid,start_time,comm,exe,uid,user_namespace,cgroup,unit_name,target,engine,rule,host,"
    "error,times,lost,reason,"
    "action,"
    "result,detail\n";

class Line {
  public:
    void add(std::string_view text) {
        if (!line_.empty() || begun_) line_ += ',';
        begun_ = true;
        const std::string safe = sanitize_utf8(text);
        if (safe.find_first_of(",\"\r\n") == std::string::npos) {
            line_ += safe;
            return;
        }
        line_ += '"';
        for (const char c : safe) line_.append(c == '"' ? 2 : 1, c);
        line_ += '"';
    }
    template <std::integral Number>
    void add(const std::optional<Number>& number) {
        add(std::string_view(number ? std::to_string(*number) : ""));
    }
    [[nodiscard]] std::string take() { return std::move(line_) + "\n"; }

  private:
    std::string line_;
    bool begun_ = false;
};

void add_amounts(Line& line, const Event& event) {
    line.add(!event.direction ? "" : *event.direction == Direction::down ? "down" : "up");
    line.add(event.level);
    line.add(event.level_as);
    line.add(event.cause);
    line.add(event.usage);
    if (event.has_limit && !event.limit)
        line.add("unlimited");
    else
        line.add(event.limit);
    line.add(event.limit_hard);
    line.add(event.old_limit);
    line.add(event.unit);
}

void add_subject(Line& line, const Event& event) {
    line.add(event.pid);
    line.add(event.tid);
    line.add(event.ppid);
    line.add(event.start_time);
    line.add(event.comm);
    line.add(event.exe);
    line.add(event.uid);
    line.add(event.user_namespace);
    line.add(event.cgroup);
    line.add(event.unit_name);
    line.add(event.target);
}

}  // namespace

std::string csv_header() { return std::string(kHeader); }

std::string to_csv(const Event& event) {
    Line line;
    line.add(utc_time(event.time_ns));
    line.add(type_name(event.type));
    line.add(event.resource);
    line.add(event.scope);
    add_amounts(line, event);
    add_subject(line, event);
    line.add(event.engine);
    line.add(event.rule);
    line.add(event.host);
    const char* error = event.error ? strerrorname_np(*event.error) : nullptr;
    line.add(error ? error : event.error ? std::to_string(*event.error) : "");
    line.add(event.times);
    line.add(event.lost);
    line.add(event.reason);
    line.add(event.action);
    line.add(event.result);
    line.add(event.detail);
    return line.take();
}

}  // namespace brink::sink
