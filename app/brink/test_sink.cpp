// SPDX-License-Identifier: Apache-2.0
// brink test-sink: a test event through an output of brink-relay, and what came back.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/utf8.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "relay/control_socket.hpp"

namespace brink::app {
namespace {

constexpr int kFailure = 1;
constexpr int kPatience_ms = 40'000;  // longer than the relay's own

int said(const std::string& what) {
    notice(what);
    return kFailure;
}

}  // namespace

int test_sink_command(const TestSinkOptions& options) {
    const auto line = relay::ask(options.control, "test " + options.name, kPatience_ms);
    if (!line) return said(line.error().message);
    const auto object = nlohmann::json::parse(*line, nullptr, false);
    if (!object.is_object()) return said("brink-relay has answered " + in_quotes(*line));
    if (const auto error = object.find("error"); error != object.end() && error->is_string())
        return said(terminal_safe(error->get<std::string>()));
    const std::string result = object.value("result", "");
    const std::string text = options.output == OutputFormat::json
                                 ? *line
                                 : terminal_safe(fmt::format("{}: {}: {}", options.name, result,
                                                             object.value("answer", "")));
    if (const auto status = print(text + "\n"); status && *status != 0) return *status;
    return result == "taken" ? 0 : kFailure;
}

}  // namespace brink::app
