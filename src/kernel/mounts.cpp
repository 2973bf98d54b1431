// SPDX-License-Identifier: Apache-2.0
// One line a mount: fixed fields, any number of optional ones, " - ", three more.
#include "kernel/mounts.hpp"

#include "kernel/file_text.hpp"

namespace brink::kernel {
namespace {

// Blanks, tabs, newlines and backslashes come as \ooo.
std::string unescape(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto code = text[i] == '\\' ? to_number<unsigned>(text.substr(i + 1, 3), 8)
                                          : std::nullopt;
        if (code) i += 3;
        plain += code ? static_cast<char>(*code) : text[i];
    }
    return plain;
}

Mount parse(std::string_view line) {
    Mount mount;
    mount.id = to_number<std::uint64_t>(next_word(line)).value_or(0);
    (void)next_word(line);
    mount.device = next_word(line);
    mount.root = unescape(next_word(line));
    mount.point = unescape(next_word(line));
    line.remove_prefix(std::min(line.find(" - "), line.size()));
    (void)next_word(line);
    mount.type = next_word(line);
    mount.source = unescape(next_word(line));
    mount.options = next_word(line);
    return mount;
}

}  // namespace

bool Mount::has_option(std::string_view option) const {
    return ("," + options + ",").find("," + std::string(option) + ",") != std::string::npos;
}

Result<std::vector<Mount>> read_mounts(const std::string& proc) {
    const auto text = read_text(proc + "/self/mountinfo", std::size_t{64} << 20);
    if (!text) return tl::unexpected<Error>(text.error());
    std::vector<Mount> mounts;
    std::string_view rest = *text;
    while (const auto line = next_line(rest)) mounts.push_back(parse(*line));
    return mounts;
}

}  // namespace brink::kernel
