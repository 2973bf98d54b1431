// SPDX-License-Identifier: Apache-2.0
#include "latency/processor_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "kernel/file_text.hpp"

namespace brink::latency {
namespace {

constexpr std::size_t kMaxItems = 16;
// include/linux/interrupt.h, as /proc/softirqs writes them.
constexpr std::array<std::string_view, 10> kSoftirqs{"hi",      "timer",    "net_tx",  "net_rx",
                                                     "block",   "irq_poll", "tasklet", "sched",
                                                     "hrtimer", "rcu"};
// enum brink_interrupt.
constexpr std::array<std::string_view, 5> kInterrupts{"local timer", "reschedule", "function call",
                                                      "single function call", "irq work"};

struct Owner {  // of a stretch of time
    std::string_view kind;
    std::uint32_t id = 0;
    std::string name = {};

    bool operator==(const Owner&) const = default;
};

template <std::size_t Size>
std::string name_in(const std::array<std::string_view, Size>& names, std::uint32_t id) {
    return id < Size ? std::string(names[id]) : std::to_string(id);
}

Owner task_of(const brink_log_entry& entry) {
    std::string name(entry.comm, ::strnlen(entry.comm, sizeof entry.comm));
    if (entry.id == 0 && name.starts_with("swapper/")) return {"idle"};
    return {"task", entry.id, std::move(name)};
}

Owner interrupt_of(const brink_log_entry& entry) {
    switch (entry.kind) {
        case BRINK_LOG_IRQ: return {"irq", entry.id};
        case BRINK_LOG_SOFTIRQ: return {"softirq", entry.id, name_in(kSoftirqs, entry.id)};
        default: return {"interrupt", entry.id, name_in(kInterrupts, entry.id)};
    }
}

// "eth0-rx": who has installed handlers.
std::string irq_name(std::uint32_t irq) {
    auto text = kernel::read_text(fmt::format("/sys/kernel/irq/{}/actions", irq), 256);
    if (!text) return {};
    while (text->ends_with('\n')) text->pop_back();
    return std::move(*text);
}

class Shares {
  public:
    explicit Shares(const LogWindow& window) : window_(window) {}

    // The stretch from `from` to `to`, as far as it lies in the window. `begins`: it is not the rest of one that was
    // interrupted.
    void give(const Owner& owner, std::uint64_t from, std::uint64_t to, bool begins) {
        from = std::max(from, window_.from);
        to = std::min(to, window_.to);
        if (to <= from) return;
        const auto same = [&](const auto& entry) { return entry.first == owner; };
        auto place = std::find_if(shares_.begin(), shares_.end(), same);
        if (place == shares_.end()) place = shares_.insert(place, {owner, {}});
        CulpritItem& item = place->second;
        item.ns += to - from;
        item.count += begins || item.count == 0 ? 1 : 0;
    }

    [[nodiscard]] Culprit finish() && {
        Culprit culprit;
        culprit.cpu = window_.cpu;
        culprit.ns = window_.to - window_.from;
        for (auto& [owner, item] : shares_) {
            item.kind = owner.kind;
            item.name = owner.kind == "irq" ? irq_name(owner.id) : std::move(owner.name);
            if (owner.kind == "irq" || (owner.kind == "task" && owner.id)) item.id = owner.id;
            culprit.items.push_back(std::move(item));
        }
        std::stable_sort(culprit.items.begin(), culprit.items.end(),
                         [](const CulpritItem& a, const CulpritItem& b) { return a.ns > b.ns; });
        for (std::size_t i = kMaxItems; i < culprit.items.size(); ++i)
            culprit.omitted_ns += culprit.items[i].ns;
        if (culprit.items.size() > kMaxItems) culprit.items.resize(kMaxItems);
        return culprit;
    }

  private:
    LogWindow window_;
    std::vector<std::pair<Owner, CulpritItem>> shares_;
};

using Entries = std::span<const brink_log_entry>;

// The interrupts that end in `entries` and began before them, the outermost first.
std::vector<Owner> open_before(Entries entries) {
    std::vector<Owner> open;
    std::size_t depth = 0;
    for (const brink_log_entry& entry : entries) {
        if (!entry.ends)
            ++depth;
        else if (depth > 0)
            --depth;
        else
            open.insert(open.begin(), interrupt_of(entry));
    }
    return open;
}

// From `from` to `to` the processor had `task`, with the interrupts of `entries` in between. An interrupt does not
// outlast a switch, but on PREEMPT_RT a softirq can: it goes on when its task has the processor again.
void share_stint(Entries entries, const Owner& task, std::uint64_t from, std::uint64_t to,
                 Shares& shares) {
    std::vector<Owner> open = open_before(entries);
    bool begins = true;
    const auto innermost = [&]() -> const Owner& { return open.empty() ? task : open.back(); };
    for (const brink_log_entry& entry : entries) {
        shares.give(innermost(), from, entry.ns, begins);
        begins = !entry.ends;
        if (begins)
            open.push_back(interrupt_of(entry));
        else
            open.pop_back();
        from = std::max(from, entry.ns);
    }
    shares.give(innermost(), from, to, begins);
}

}  // namespace

void LogCopy::take(const brink_cpu_log& log) {
    const std::uint64_t head = __atomic_load_n(&log.head, __ATOMIC_ACQUIRE);
    count_ = std::min<std::uint64_t>(head, BRINK_LOG_ENTRIES);
    for (std::size_t i = 0; i < count_; ++i)
        entries_[i] = log.entries[(head - count_ + i) % BRINK_LOG_ENTRIES];
    const std::uint64_t written = __atomic_load_n(&log.head, __ATOMIC_ACQUIRE) - head;
    const std::uint64_t kept = BRINK_LOG_ENTRIES -
                               std::min<std::uint64_t>(written, BRINK_LOG_ENTRIES);
    first_ = count_ > kept ? count_ - kept : 0;
    count_ -= first_;
    whole_ = head <= BRINK_LOG_ENTRIES && first_ == 0;
}

Culprit culprit_of(std::span<const brink_log_entry> entries, const LogWindow& window) {
    Shares shares(window);
    std::uint64_t from = window.from;
    if (!window.whole) {
        const std::uint64_t known = entries.empty() ? window.to : entries.front().ns;
        shares.give({"unknown"}, window.from, known, true);
        from = std::max(from, known);
    }
    while (!entries.empty()) {
        const auto is_switch = [](const auto& entry) { return entry.kind == BRINK_LOG_SWITCH; };
        const auto end = std::find_if(entries.begin(), entries.end(), is_switch);
        const auto n = static_cast<std::size_t>(end - entries.begin());
        if (end == entries.end()) break;
        share_stint(entries.first(n), task_of(*end), from, end->ns, shares);
        from = std::max(from, end->ns);
        entries = entries.subspan(n + 1);
    }
    share_stint(entries, {"self"}, from, window.to, shares);
    return std::move(shares).finish();
}

}  // namespace brink::latency
