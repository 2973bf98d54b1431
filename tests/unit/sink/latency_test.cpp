// SPDX-License-Identifier: Apache-2.0
// What `brink latency` shows of a report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sink/latency_json.hpp"
#include "sink/latency_svg.hpp"
#include "sink/latency_text.hpp"
#include "sink/sample_events.hpp"
#include "sink/text.hpp"

namespace brink::sink {
namespace {

using latency::Report;
using testing::HasSubstr;

void add_sample(latency::ThreadReport& thread, const latency::Wakeup& wakeup) {
    const latency::Parts parts = latency::parts_of(wakeup);
    thread.whole.add(parts.whole);
    for (std::size_t i = 0; i < latency::kPhases; ++i) thread.phases[i].add(parts.part[i]);
    thread.samples.emplace_back(wakeup, true);
}

Culprit sample_culprit() {
    return {.cpu = 1,
            .ns = 112'000,
            .items = {{"task", "ho<g\x1b", 77, 90'000, 1},
                      {"softirq", "net_rx", {}, 12'000, 3},
                      {"irq", "eth0", 24, 8'000, 3},
                      {"self", "", {}, 2'000, 1}}};
}

Report sample_report() {
    Report report;
    latency::ThreadReport& thread = report.threads.emplace_back();
    thread.plan = {.cpu = 1, .policy = SCHED_FIFO, .priority = 80, .interval_ns = 1'000'000};
    thread.tid = 4321;
    for (std::uint64_t i = 0; i < 98; ++i)
        add_sample(thread, {1'000'000 * i, 1'000'000 * i + 900 + i, 1'000'000 * i + 1'200 + i,
                            1'000'000 * i + 4'000, 1'000'000 * i + 5'000});
    const latency::Wakeup late{500, 10'500, 11'500, 110'500, 112'500};
    add_sample(thread, late);
    thread.whole.add(7'000);
    thread.samples.emplace_back(latency::Wakeup{.expiry = 1, .returned = 7'001}, false);
    thread.unmatched = 1;
    thread.overruns = 2;
    report.worst.push_back({0, late, latency::parts_of(late), true, {sample_culprit()}});
    const latency::Wakeup unknown{.expiry = 1, .returned = 7'001};
    report.worst.push_back({0, unknown, latency::parts_of(unknown), false, {}});
    report.realtime_offset_ns = 1'795'771'800'000'000'000;
    return report;
}

TEST(Latency, TablesSayWhatIsMeasured) {
    ::setenv("TZ", "UTC", 1);
    EXPECT_EQ(
        latency_tables(sample_report(), {}),
        "THREAD       CPU   SAMPLES     MIN     AVG     50%     90%     99%   99.9%     MAX\n"
        "latency-0      1       100     5us  6.09us  5.02us  5.02us     7us   112us   112us  "
        "2 overruns\n"
        "\n"
        "PART                           MIN     AVG     50%     90%     99%   99.9%     MAX\n"
        "irq_dispatch                 900ns  1.03us   951ns   991ns    10us    10us    10us\n"
        "handler                      300ns   307ns   301ns   301ns     1us     1us     1us\n"
        "scheduling                   2.7us  3.72us  2.76us  2.79us    99us    99us    99us\n"
        "return_to_user                 1us  1.01us     1us     1us     2us     2us     2us\n"
        "of 1 sample the parts are not known; 1 of the latest below is among them\n"
        "\n"
        "THE LATEST WAKE-UPS\n"
        "   112us  09:30:00.000  latency-0: irq_dispatch 10us + handler 1us + scheduling 99us + "
        "return_to_user 2us\n"
        "          cpu 1: ho<g\\x1b[77] 90us, softirq net_rx 12us (3 times), irq 24 eth0 8us (3 "
        "times), self 2us\n"
        "     7us  09:30:00.000  latency-0: its parts are not known\n");
}

TEST(Latency, APlotHasABarForEachRangeAndCountsAll) {
    latency::Histogram whole;
    for (int i = 0; i < 7; ++i) whole.add(1'000);
    whole.add(1'900);
    whole.add(50'000);
    const std::string plot = latency_plot(whole, 2'000, {.colour = false, .unicode = false});
    EXPECT_THAT(plot, HasSubstr("    FROM    SAMPLES  LOGARITHM\n"));
    EXPECT_THAT(plot, HasSubstr(" 7  ####"));
    EXPECT_THAT(plot, HasSubstr("  beyond          1  #"));
    std::istringstream lines(plot.substr(plot.find('\n') + 1));
    std::uint64_t sum = 0, count = 0;
    std::string from, line;
    while (std::getline(lines, line)) {
        std::istringstream(line) >> from >> count;
        sum += count;
    }
    EXPECT_EQ(sum, whole.count());
    EXPECT_EQ(latency_plot({}, 0, {}), "");
}

TEST(Latency, SamplesAddUpInJson) {
    std::istringstream lines(latency_samples_json(sample_report()));
    std::string line;
    int samples = 0, known = 0;
    for (; std::getline(lines, line); ++samples) {
        const auto sample = nlohmann::json::parse(line);
        if (!sample.contains("parts")) continue;
        std::uint64_t sum = 0;
        for (const auto& part : sample["parts"]) sum += part.get<std::uint64_t>();
        EXPECT_EQ(sum, sample["latency_ns"]);
        ++known;
    }
    EXPECT_EQ(samples, 100);
    EXPECT_EQ(known, 99);
}

TEST(Latency, WritesSamplesForTheSchema) {
    std::filesystem::create_directory("latency_samples");
    std::ofstream file("latency_samples/unit.jsonl");
    const Report report = sample_report();
    file << latency_json(report, 1, true) << latency_json(report, 1, false)
         << latency_samples_json(report);
    Report whole_only = report;
    whole_only.has_parts = false;
    file << latency_json(whole_only, 1, false) << latency_json(Report{}, 1, true);
    ASSERT_TRUE(file.flush());
}

TEST(Latency, APictureIsWellFormedAndNamesItsParts) {
    const std::string svg = latency_svg(sample_report(), "a <title> & more");
    EXPECT_TRUE(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    EXPECT_THAT(svg, HasSubstr("a &lt;title&gt; &amp; more"));
    for (const std::string_view name : latency::kPhaseNames)
        EXPECT_THAT(svg, HasSubstr(std::string(name)));
    EXPECT_THAT(svg, HasSubstr("max 112us"));
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(latency_svg(Report{}, "").find("nan"), std::string::npos);
}

TEST(Latency, AnEventSaysWhatHadTheProcessor) {
    Event event = crossing(1, Direction::up, 112'000);
    event.resource = "wakeup_latency";
    event.unit = "ns";
    event.culprit = sample_culprit();
    TextRenderer renderer;
    EXPECT_THAT(renderer.render(event),
                HasSubstr("\n              cpu 1: ho<g\\x1b[77] 90us, softirq net_rx 12us"));
}

}  // namespace
}  // namespace brink::sink
