// SPDX-License-Identifier: Apache-2.0
// TopScreen: what `brink top` shows and how it answers to keys, without a terminal: a screen is a string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "resource/survey.hpp"
#include "sink/text_paint.hpp"

namespace brink::sink {

class TopScreen {
  public:
    enum class Key { text, up, down, page_up, page_down, home, end, enter, back, erase };
    /// Fills in the name of a row that is about to be shown.
    using Name = std::function<void(resource::Row&)>;

    /// Takes a new survey; what was selected stays so.
    void show(resource::Survey survey, const Name& name);

    /// `text`: of Key::text, one character. Control characters are not looked at.
    void press(Key key, char text = 0);

    /// Whether `q` was pressed.
    [[nodiscard]] bool done() const { return done_; }

    /// The process whose details are shown, and whose evidence is therefore wanted.
    [[nodiscard]] std::optional<std::int32_t> detail_pid() const;
    /// Lines of that evidence, with newlines.
    void set_evidence(std::string block) { evidence_ = std::move(block); }

    /// `height` lines at most, each ended by a newline, as wide as `style` says.
    [[nodiscard]] std::string render(const TextStyle& style, std::size_t height);

  private:
    enum class Order { nearest, resource, name };

    void arrange();
    void select(std::size_t index);
    void move(std::ptrdiff_t by);
    void press_text(char text);
    void erase_last();
    [[nodiscard]] bool matches(const resource::Standing& standing) const;
    [[nodiscard]] std::string title() const;
    [[nodiscard]] std::vector<std::string> list(const TextStyle& style, std::size_t height);
    [[nodiscard]] std::vector<std::string> detail(const TextStyle& style);

    resource::Survey survey_;
    Name name_;
    std::vector<resource::Standing> shown_;  // of survey_, as filtered and ordered
    std::size_t of_ = 0;                     // before the filter
    std::string selected_key_;
    std::size_t selected_ = 0;
    std::size_t first_ = 0;  // of the lines that are on the screen
    std::size_t page_ = 1;
    std::string filter_;
    bool typing_ = false;  // the filter
    bool detail_ = false;
    bool done_ = false;
    Order order_ = Order::nearest;
    std::string evidence_;
};

/// Every subject of `survey` with its nearest limit: `brink top --once`. At most `most` lines, then how
/// many more there are.
[[nodiscard]] std::string top_table(resource::Survey& survey, const TopScreen::Name& name,
                                    std::size_t most, const TextStyle& style);

/// The same, one JSON object a line: the nearest limit of a subject, and the others in `others`.
[[nodiscard]] std::string top_json(resource::Survey& survey, const TopScreen::Name& name,
                                   std::size_t most, std::int64_t time_ns);

}  // namespace brink::sink
