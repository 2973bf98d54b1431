// SPDX-License-Identifier: Apache-2.0
// Whoever reads takes everything from the source; what is of others waits with them, and their descriptors say so.
#include "engine/source_hub.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "base/epoll.hpp"
#include "base/fd.hpp"

namespace brink::engine {
namespace {

constexpr std::size_t kMostWaiting = 65536;

struct WaitingRecord {
    brink_record record;
    std::unique_ptr<brink_stack_record> stack;
    std::optional<resource::Subject> subject;  // what the source would say of it only now
    std::optional<Culprit> culprit;            // likewise
};

}  // namespace

class SourceHub::Share final : public RecordSource {
  public:
    Share(SourceHub& hub, bool hears_losses, Fd bell, Fd epoll)
        : hub_(hub), hears_losses_(hears_losses), bell_(std::move(bell)), epoll_(std::move(epoll)) {
        hub_.shares_.push_back(this);
    }
    ~Share() override;
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    [[nodiscard]] std::string_view engine() const override { return source().engine(); }
    [[nodiscard]] std::string_view engine_of(std::uint32_t tally) const override {
        return source().engine_of(tally);
    }
    [[nodiscard]] const resource::Subject* subject_of(std::uint32_t tally) const override;
    [[nodiscard]] Selected selected(std::uint32_t watch) const override {
        const auto number = number_of(watch);
        return number ? source().selected(*number) : Selected{};
    }
    [[nodiscard]] const Culprit* culprit() const override;
    [[nodiscard]] std::string failure() const override { return source().failure(); }
    [[nodiscard]] std::vector<std::string> take_remarks() override {
        return source().take_remarks();
    }
    [[nodiscard]] std::uint64_t dropped_of(std::uint32_t account) const override {
        return source().dropped_of(account);
    }
    [[nodiscard]] Result<void> set_owner(std::uint32_t owner, const engine::Owner& who) override {
        return source().set_owner(owner, who);
    }
    [[nodiscard]] Result<void> set_account(std::uint32_t account, const Account& bounds) override {
        return source().set_account(account, bounds);
    }
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& watch) override;
    [[nodiscard]] Result<void> bind(std::uint32_t watch, const Target& target) override {
        return source().bind(numbers_.at(watch).value(), target);
    }
    [[nodiscard]] Result<void> select(std::uint32_t watch, const Selection& selection) override {
        return source().select(numbers_.at(watch).value(), selection);
    }
    void remove_watches(std::span<const std::uint32_t> watches) override;
    [[nodiscard]] bool resync(std::uint32_t tally, std::uint32_t generation) override {
        return source().resync(tally, generation);
    }
    void executed(pid_t pid) override { source().executed(pid); }
    [[nodiscard]] std::optional<std::size_t> check_all() override { return source().check_all(); }
    [[nodiscard]] int fd() const override { return epoll_.get(); }
    void read(const Reader& reader) override;
    [[nodiscard]] int timeout_ms() const override { return source().timeout_ms(); }
    [[nodiscard]] std::uint64_t dropped() const override {
        return overflowed_ + (hears_losses_ ? source().dropped() : 0);
    }
    [[nodiscard]] std::uint64_t unwatched() const override {
        return hears_losses_ ? source().unwatched() : 0;
    }

    /// For later: this share is not the one that reads.
    void put(const brink_record& record, const brink_stack_record* stack);
    [[nodiscard]] bool hears_losses() const { return hears_losses_; }

  private:
    [[nodiscard]] RecordSource& source() const { return *hub_.source_; }
    [[nodiscard]] std::optional<std::uint32_t> number_of(std::uint32_t watch) const {
        return watch < numbers_.size() ? numbers_[watch] : std::nullopt;
    }

    SourceHub& hub_;
    bool hears_losses_;
    Fd bell_;                                            // eventfd: readable while records wait
    bool rung_ = false;                                  // bell_ is to be read
    Fd epoll_;                                           // over the source and bell_
    std::vector<std::optional<std::uint32_t>> numbers_;  // by watch: its number at the source
    std::deque<WaitingRecord> waiting_;
    const WaitingRecord* handed_over_ = nullptr;  // during the call of a reader
    std::uint64_t overflowed_ = 0;
};

SourceHub::~SourceHub() = default;

Result<std::unique_ptr<RecordSource>> SourceHub::share(bool hears_losses) {
    Fd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!bell) return fail_errno("eventfd");
    auto epoll = epoll_of({source_->fd(), bell.get()});
    if (!epoll) return tl::unexpected(epoll.error());
    return std::make_unique<Share>(*this, hears_losses, std::move(bell), std::move(*epoll));
}

void SourceHub::pull(Share* reading, const RecordSource::Reader& reader) {
    source_->read([&](const brink_record& from, const brink_stack_record* stack) {
        if (from.type == BRINK_RECORD_LOST) {
            for (Share* share : shares_)
                if (share->hears_losses() && share != reading) share->put(from, nullptr);
            if (reading->hears_losses()) reader(from, nullptr);
            return;
        }
        if (from.watch >= owners_.size() || !owners_[from.watch].share) return;
        const Owner& owner = owners_[from.watch];
        brink_record record = from;
        record.watch = owner.watch;
        if (owner.share == reading)
            reader(record, stack);
        else
            owner.share->put(record, stack);
    });
}

SourceHub::Share::~Share() {
    std::vector<std::uint32_t> watches;
    for (std::uint32_t watch = 0; watch < numbers_.size(); ++watch)
        if (numbers_[watch]) watches.push_back(watch);
    if (!watches.empty()) remove_watches(watches);
    std::erase(hub_.shares_, this);
}

Result<std::uint32_t> SourceHub::Share::add_watch(const Resource& resource,
                                                  const brink_watch& watch) {
    const auto number = source().add_watch(resource, watch);
    if (!number) return number;
    const auto free = std::find(numbers_.begin(), numbers_.end(), std::nullopt);
    const auto local = static_cast<std::uint32_t>(free - numbers_.begin());
    if (free == numbers_.end()) numbers_.emplace_back();
    numbers_[local] = *number;
    if (hub_.owners_.size() <= *number) hub_.owners_.resize(*number + 1);
    hub_.owners_[*number] = {this, local};
    return local;
}

void SourceHub::Share::remove_watches(std::span<const std::uint32_t> watches) {
    std::vector<std::uint32_t> at_source;
    for (const std::uint32_t watch : watches) {
        const auto number = number_of(watch);
        if (!number) continue;
        at_source.push_back(*number);
        hub_.owners_[*number] = {};
        numbers_[watch].reset();
        std::erase_if(waiting_, [&](const WaitingRecord& waiting) {
            return waiting.record.type != BRINK_RECORD_LOST && waiting.record.watch == watch;
        });
    }
    source().remove_watches(at_source);
}

void SourceHub::Share::read(const Reader& reader) {
    if (rung_) {
        std::uint64_t count = 0;
        (void)!::read(bell_.get(), &count, sizeof count);
        rung_ = false;
    }
    for (const WaitingRecord& waiting : std::exchange(waiting_, {})) {
        handed_over_ = &waiting;
        reader(waiting.record, waiting.stack.get());
    }
    handed_over_ = nullptr;
    hub_.pull(this, reader);
}

const resource::Subject* SourceHub::Share::subject_of(std::uint32_t tally) const {
    if (!handed_over_) return source().subject_of(tally);
    return handed_over_->subject ? &*handed_over_->subject : nullptr;
}

const Culprit* SourceHub::Share::culprit() const {
    if (!handed_over_) return source().culprit();
    return handed_over_->culprit ? &*handed_over_->culprit : nullptr;
}

void SourceHub::Share::put(const brink_record& record, const brink_stack_record* stack) {
    if (waiting_.size() == kMostWaiting) {
        ++overflowed_;
        return;
    }
    const resource::Subject* subject = source().subject_of(record.tally);
    const Culprit* culprit = source().culprit();
    waiting_.push_back({record, stack ? std::make_unique<brink_stack_record>(*stack) : nullptr,
                        subject ? std::optional(*subject) : std::nullopt,
                        culprit ? std::optional(*culprit) : std::nullopt});
    const std::uint64_t one = 1;
    if (!std::exchange(rung_, true)) (void)!::write(bell_.get(), &one, sizeof one);
}

}  // namespace brink::engine
