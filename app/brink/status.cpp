// SPDX-License-Identifier: Apache-2.0
// brink status: the daemon as it sees itself.
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/units.hpp"
#include "base/utf8.hpp"
#include "broker/socket.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "relay/control_socket.hpp"
#include "sink/text_paint.hpp"
#include "terminal.hpp"

namespace brink::app {
namespace {

using Json = nlohmann::ordered_json;
using sink::Tone;

constexpr int kFailure = 1;

Result<std::string> ask(const std::string& socket) {
    const auto connection = broker::connect_to(broker::status_path(socket));
    if (!connection) {
        std::string why = connection.error().message;
        if (connection.error().code == EACCES)
            why += "; root may ask, and the members of group brink";
        if (connection.error().code == ENOENT || connection.error().code == ECONNREFUSED)
            why += "; is brinkd running? --socket names another";
        return fail(why, connection.error().code);
    }
    std::string text;
    std::array<char, 65536> part{};
    ssize_t n = 0;
    while ((n = ::recv(connection->get(), part.data(), part.size(), 0)) > 0)
        text.append(part.data(), static_cast<std::size_t>(n));
    return text;
}

std::string up_text(const Json& self) {
    return format_quantity(self.value("up_s", std::uint64_t{0}) * 1'000'000'000, Unit::time_ns);
}

std::string joined(const Json& list) {
    std::string text;
    for (const Json& each : list) text += (text.empty() ? "" : " ") + each.get<std::string>();
    return terminal_safe(text);
}

std::string rule_line(const Json& rule, const sink::TextStyle& style) {
    std::string line = fmt::format(
        "  {}  {}  {}", sink::paint(style, Tone::strong, terminal_safe(rule.value("name", ""))),
        terminal_safe(rule.value("subject", "")), joined(rule.value("watches", Json::array())));
    for (const Json& action : rule.value("actions", Json::array()))
        line += " [" + terminal_safe(action.get<std::string>()) + "]";
    if (rule.value("dry_run", false)) line += ", dry run";
    if (rule.contains("not_at_work"))
        return line + "\n      " +
               sink::paint(style, Tone::alarm,
                           "not at work: " + terminal_safe(rule.value("not_at_work", ""))) +
               "\n";
    return line + fmt::format("\n      {} events, acted {} times\n",
                              rule.value("events", std::uint64_t{0}),
                              rule.value("acted", std::uint64_t{0}));
}

std::string history_lines(const Json& history, const sink::TextStyle& style) {
    std::string text = fmt::format("history    {}, {} events written, {} wait, {} missing\n",
                                   terminal_safe(history.value("file", "")),
                                   history.value("written", std::uint64_t{0}),
                                   history.value("waiting", std::uint64_t{0}),
                                   history.value("dropped", std::uint64_t{0}));
    if (history.contains("problem"))
        text += "           " +
                sink::paint(style, Tone::alarm, terminal_safe(history.value("problem", ""))) + "\n";
    return text;
}

std::string output_line(const Json& output, const sink::TextStyle& style) {
    std::string line = fmt::format(
        "  {}  {}, {} delivered, {} refused, {} missed, {} behind\n",
        sink::paint(style, Tone::strong, terminal_safe(output.value("name", ""))),
        terminal_safe(output.value("type", "")), output.value("delivered", std::uint64_t{0}),
        output.value("refused", std::uint64_t{0}), output.value("missed", std::uint64_t{0}),
        output.value("behind", std::uint64_t{0}));
    const bool now = output.contains("problem");
    if (now || output.contains("last_error"))
        line += "      " +
                sink::paint(style, now ? Tone::alarm : Tone::faint,
                            terminal_safe(output.value(now ? "problem" : "last_error", ""))) +
                "\n";
    return line;
}

// Of brink-relay, where it runs.
std::string relay_lines(const Json& relay, const sink::TextStyle& style) {
    if (relay.contains("error"))
        return "outputs    " +
               sink::paint(style, Tone::alarm, terminal_safe(relay.value("error", ""))) + "\n";
    const Json& outputs = relay.at("outputs");
    std::string text = fmt::format("outputs    {}\n", outputs.size());
    for (const Json& output : outputs) text += output_line(output, style);
    return text;
}

// Its answer; an object with "error" where there is none; null where no relay runs.
Json ask_relay(const std::string& control) {
    constexpr int kPatience_ms = 5000;
    const auto answer = relay::ask(control, "status", kPatience_ms);
    if (!answer && (answer.error().code == ENOENT || answer.error().code == ECONNREFUSED))
        return nullptr;
    if (!answer) return {{"error", answer.error().message}};
    Json relay = Json::parse(*answer, nullptr, false);
    const auto outputs = relay.is_object() ? relay.find("outputs") : relay.end();
    if (outputs == relay.end() || !outputs->is_array() ||
        !std::all_of(outputs->begin(), outputs->end(),
                     [](const Json& output) { return output.is_object(); }))
        return {{"error", "brink-relay has answered with what is no state"}};
    return relay;
}

std::string as_text(const Json& state, const sink::TextStyle& style) {
    const Json& self = state.at("self");
    std::string text = fmt::format("brinkd {}, process {}, up {}\n", state.value("version", ""),
                                   self.value("pid", 0), up_text(self));
    text += fmt::format("engine     {}{}\n", state.value("engine", ""),
                        state.contains("engine_remark")
                            ? " (" + terminal_safe(state.value("engine_remark", "")) + ")"
                            : "");
    text += fmt::format("clients    {}, at {}\n", state.value("clients", std::uint64_t{0}),
                        terminal_safe(state.value("socket", "")));
    if (state.contains("history")) text += history_lines(state.at("history"), style);
    text += fmt::format("itself     {} of {} descriptors, {} records lost, {} children unwatched\n",
                        self.value("descriptors", std::uint64_t{0}),
                        self.value("descriptors_limit", std::uint64_t{0}),
                        self.value("records_lost", std::uint64_t{0}),
                        self.value("children_unwatched", std::uint64_t{0}));
    text += fmt::format("rules      {}\n", state.at("rules").size());
    for (const Json& rule : state.at("rules")) text += rule_line(rule, style);
    if (state.contains("relay")) text += relay_lines(state.at("relay"), style);
    return text;
}

}  // namespace

int status_command(const StatusOptions& options) {
    const auto answer = ask(options.socket.empty() ? broker::default_socket() : options.socket);
    if (!answer) {
        notice(answer.error().message);
        return kFailure;
    }
    Json state = Json::parse(*answer, nullptr, false);
    if (!state.is_object()) {
        notice("brinkd has answered with what is no state: " + in_quotes(*answer));
        return kFailure;
    }
    try {
        if (Json relay = ask_relay(options.control); !relay.is_null())
            state["relay"] = std::move(relay);
        if (options.output == OutputFormat::json) return print(state.dump() + "\n").value_or(0);
        return print(as_text(state, text_style(1))).value_or(0);
    } catch (const Json::exception& error) {
        notice(fmt::format("brinkd has answered with what is no state: {}",
                           sanitize_utf8(error.what())));
        return kFailure;
    }
}

}  // namespace brink::app
