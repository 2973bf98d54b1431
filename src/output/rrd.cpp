// SPDX-License-Identifier: Apache-2.0
// rrd: a round-robin database for each subject and resource, of rrdtool's library (rrdcreate(1), rrdupdate(1)).
#include <fmt/format.h>
#include <rrd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "base/utf8.hpp"
#include "output/output.hpp"
#include "output/shared/measures.hpp"
#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

constexpr std::size_t kMostNameBytes =
    120;  // of the host, the resource and the subject each: a file's name has 255
constexpr std::string_view kSuffix = ".rrd";

std::int64_t seconds_of(const Event& event) { return event.time_ns / 1'000'000'000; }

std::string part_of_name(std::string_view text) {
    return plain_name(text.substr(0, kMostNameBytes), ".@");
}

std::vector<const char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<const char*> pointers;
    pointers.reserve(texts.size());
    for (const std::string& text : texts) pointers.push_back(text.c_str());
    return pointers;
}

// What the library says of its last failure.
std::string rrd_error() {
    std::string error = rrd_get_error();
    rrd_clear_error();
    return terminal_safe(error);
}

class Rrd : public Output {
  public:
    Rrd(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          folder_(settings.required_text("folder", "/var/lib/brink-relay/rrd")),
          step_s_(settings.number("step_s", 1, 86'400, 10)),
          heartbeat_s_(settings.number("heartbeat_s", 1, 366UL * 86'400, 86'400)),
          most_files_(settings.number("max_files", 1, 1'000'000, 1000)),
          archives_(settings.texts("archives")) {
        if (!folder_.starts_with('/')) settings.complain("folder", "write it from the root");
        for (const std::string& archive : archives_)
            if (!archive.starts_with("RRA:"))
                settings.complain(
                    "archives", fmt::format("{} is no archive; write it as in RRA:MAX:0.5:1:8640, "
                                            "rrdcreate(1)",
                                            in_quotes(archive)));
        // A day of steps, a week of 30, a year of 360.
        if (archives_.empty())
            archives_ = {"RRA:MAX:0.5:1:8640", "RRA:MAX:0.5:30:2016", "RRA:MAX:0.5:360:8784"};
    }

    Result<void> start() override {
        std::error_code error;
        if (!std::filesystem::is_directory(folder_, error))
            return fail(
                fmt::format("{}: {}", folder_, error ? error.message() : std::strerror(ENOTDIR)));
        files_ = 0;
        for (const auto& entry : std::filesystem::directory_iterator(folder_, error))
            if (entry.path().extension() == kSuffix) ++files_;
        return {};
    }

    [[nodiscard]] std::size_t most_together() const override { return 256; }

    // One entry after the other: rrdtool keeps a second's first value, here its highest of those that come together.
    Answer deliver(std::span<const Entry> entries) override {
        if (entries.front().is_test()) return test();
        std::map<std::string, std::pair<const Event*, std::size_t>> of_second;
        std::size_t done = 0;
        while (done < entries.size() &&
               seconds_of(entries[done].event) == seconds_of(entries.front().event)) {
            const Event& event = entries[done++].event;
            if (measures_of(event).empty()) continue;
            auto& [highest, count] = of_second[file_of(event)];
            if (!highest || *event.usage > *highest->usage) highest = &event;
            ++count;
        }
        std::size_t left_out = 0;
        for (const auto& [file, of] : of_second) {
            auto written = update(file, *of.first);
            if (!written) {
                const std::string what = fmt::format("{}: {}", file, written.error().message);
                return written.error().code == ENOSPC ? Answer::refused(done, what)
                                                      : Answer::failed(what);
            }
            left_out += of.second - (*written ? 1 : 0);
        }
        return Answer::taken(
            done,
            fmt::format(
                "{} values written, {} left out: of the same second, or older than what is there",
                done - left_out, left_out));
    }

  private:
    [[nodiscard]] Answer test() const {
        if (::access(folder_.c_str(), W_OK) != 0)
            return Answer::failed(fmt::format("{}: {}", folder_, std::strerror(errno)));
        return Answer::taken(1,
                             fmt::format("{} can be written and has {} files; a test is no value",
                                         folder_, files_));
    }

    [[nodiscard]] std::string file_of(const Event& event) const {
        return fmt::format("{}/{}.{}.{}{}", folder_,
                           part_of_name(host_of(event, host_)).substr(0, 60),
                           part_of_name(event.resource).substr(0, 60),
                           part_of_name(subject_name(event)), kSuffix);
    }

    // False: what is there is as new. The error's code is ENOSPC where no file may be made any more.
    [[nodiscard]] Result<bool> update(const std::string& file, const Event& event) {
        const std::int64_t now = seconds_of(event);
        if (::access(file.c_str(), F_OK) != 0) {
            if (auto made = create(file, now - 1); !made) return tl::unexpected(made.error());
        } else if (const std::int64_t last = rrd_last_r(file.c_str()); last < 0) {
            return fail(rrd_error());
        } else if (now <= last) {
            return false;
        }
        const std::string limit = event.limit ? std::to_string(*event.limit) : "U";
        const std::vector<std::string> values{fmt::format("{}:{}:{}", now, *event.usage, limit)};
        auto arguments = pointers_to(values);
        if (rrd_update_r(file.c_str(), "usage:limit", 1, arguments.data()) != 0)
            return fail(rrd_error());
        return true;
    }

    [[nodiscard]] Result<void> create(const std::string& file, std::int64_t last) {
        if (files_ >= most_files_)
            return fail(fmt::format("there are {} files already, as many as max_files allows",
                                    files_),
                        ENOSPC);
        std::vector<std::string> definitions{fmt::format("DS:usage:GAUGE:{}:0:U", heartbeat_s_),
                                             fmt::format("DS:limit:GAUGE:{}:0:U", heartbeat_s_)};
        definitions.insert(definitions.end(), archives_.begin(), archives_.end());
        auto arguments = pointers_to(definitions);
        if (rrd_create_r(file.c_str(), step_s_, last, static_cast<int>(arguments.size()),
                         arguments.data()) != 0)
            return fail(rrd_error());
        ++files_;
        return {};
    }

    std::string host_;
    std::string folder_;
    std::uint64_t step_s_;
    std::uint64_t heartbeat_s_;
    std::uint64_t most_files_;
    std::vector<std::string> archives_;
    std::size_t files_ = 0;
};

}  // namespace

extern const Definition k_rrd;
const Definition k_rrd{
    .type = "rrd",
    .summary = "round-robin databases of rrdtool, one a series",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Rrd>(settings, surroundings);
    },
};

}  // namespace brink::output
