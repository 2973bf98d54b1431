// SPDX-License-Identifier: Apache-2.0
// CLI11 splits the words; what it throws becomes an error in brink's own words.
#include "arguments.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/nearest.hpp"
#include "base/utf8.hpp"

namespace brink::app {
namespace {

std::string long_name(const std::string& option) { return option.substr(option.find("--")); }

tl::unexpected<Error> unexpected_word(const std::string& word,
                                      const std::vector<std::string>& options) {
    if (!word.starts_with('-'))
        return fail(
            fmt::format("{} is not an option; there is nothing but options here, see --help",
                        in_quotes(word)));
    std::vector<std::string> names{"--help"};
    for (const std::string& option : options) names.push_back(long_name(option));
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string name = word.substr(0, word.find('='));
    const std::string_view near = name.starts_with("--") ? nearest(name, views) : "";
    return fail(fmt::format("there is no option {}; {}", in_quotes(name),
                            near.empty() ? "see --help" : fmt::format("did you mean {}?", near)));
}

}  // namespace

Result<void> Arguments::parse(std::span<const char* const> words, bool command) {
    CLI::App app;
    app.set_help_flag();
    app.prefix_command();
    app.add_flag(help_name_, help_);
    for (const std::string& option : options_)
        app.add_option(option, values_[long_name(option)])->allow_extra_args(false)->take_all();
    for (const std::string& flag : flags_) app.add_flag(flag, given_[long_name(flag)]);
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::ArgumentMismatch&) {
        return fail(fmt::format("option {} has no value; see --help", in_quotes(words.back())));
    } catch (const CLI::ParseError& error) {
        return fail(sanitize_utf8(error.what()));
    }
    for (const auto& [name, values] : values_)
        if (std::find(values.begin(), values.end(), "--") != values.end())
            return fail(fmt::format("option '{}' has no value; see --help", name));
    command_ = app.remaining();
    if (!command_.empty() && command_.front() == "--") {
        command_.erase(command_.begin());
        if (command) return {};
    }
    std::vector<std::string> known = options_;
    known.insert(known.end(), flags_.begin(), flags_.end());
    if (!command_.empty() && (!command || command_.front().starts_with('-')))
        return unexpected_word(command_.front(), known);
    return {};
}

const std::vector<std::string>& Arguments::all(const std::string& name) const {
    return values_.at(name);
}

Result<std::optional<std::string>> Arguments::one(const std::string& name) const {
    const std::vector<std::string>& values = all(name);
    if (values.size() > 1)
        return fail(fmt::format("option {} is there twice, with {} and {}; give it once", name,
                                in_quotes(values[0]), in_quotes(values[1])));
    if (values.empty()) return std::nullopt;
    return values.front();
}

}  // namespace brink::app
