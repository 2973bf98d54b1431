// SPDX-License-Identifier: Apache-2.0
// icinga: results of passive checks through the API of Icinga 2.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/utf8.hpp"
#include "output/output.hpp"
#include "output/shared/http_client.hpp"
#include "output/shared/passive_checks.hpp"

namespace brink::output {
namespace {

// To a filter that nothing matches: 404 of newer ones, 500 with this body of Icinga 2.13.
constexpr long kNoSuchObject = 404;
constexpr std::string_view kNothingMatches = R"("results":[])";

HttpOptions options_of(Settings& settings, const Surroundings& surroundings) {
    HttpOptions options = http_options(settings, surroundings, "https://127.0.0.1:5665");
    options.url += "/v1/actions/process-check-result";
    options.headers.emplace_back("Accept: application/json");
    options.headers.emplace_back("Content-Type: application/json");
    return options;
}

// Names are handed over as variables of the filter: they cannot become part of it.
std::string body_of(const CheckResult& result) {
    nlohmann::json body;
    body["type"] = "Service";
    body["filter"] = "host.name == brink_host && service.name == brink_service";
    body["filter_vars"] = {{"brink_host", result.host}, {"brink_service", result.service}};
    body["exit_status"] = static_cast<int>(result.status);
    body["plugin_output"] = result.text;
    if (!result.performance.empty()) body["performance_data"] = {result.performance};
    body["execution_end"] = static_cast<double>(result.time_ns) / 1e9;
    return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class Icinga : public PassiveChecks {
  public:
    Icinga(Settings& settings, const Surroundings& surroundings)
        : PassiveChecks(settings, surroundings), client_(options_of(settings, surroundings)) {}

  protected:
    Answer send(const std::vector<CheckResult>& results) override {
        std::string said;
        for (const CheckResult& result : results) {
            const auto answer = client_.post(body_of(result), {});
            if (!answer) return Answer::failed(answer.error().message);
            said = answer->text();
            if (answer->status == kNoSuchObject ||
                answer->body.find(kNothingMatches) != std::string::npos)
                return Answer::refused(1, fmt::format("Icinga knows no service {} of host {}",
                                                      in_quotes(result.service),
                                                      in_quotes(result.host)));
            if (answer->status != 200) return Answer::failed(said);
        }
        return Answer::taken(1, said);
    }

  private:
    HttpClient client_;
};

}  // namespace

extern const Definition k_icinga;
const Definition k_icinga{
    .type = "icinga",
    .summary = "passive checks, through the API of Icinga 2",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Icinga>(settings, surroundings);
    },
};

}  // namespace brink::output
