// SPDX-License-Identifier: Apache-2.0
// Several sources as one: numbers are translated, and each is asked about its own.
#include "engine/combined_source.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

namespace brink::engine {
namespace {

// Says what it is told to.
class Fake final : public RecordSource {
  public:
    explicit Fake(std::string_view engine) : engine_(engine), event_(::eventfd(0, EFD_CLOEXEC)) {
        subject_.name = engine;
    }

    [[nodiscard]] std::string_view engine() const override { return engine_; }
    [[nodiscard]] const resource::Subject* subject_of(std::uint32_t tally) const override {
        return tally == 7 ? &subject_ : nullptr;
    }
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& /*watch*/) override {
        if (resource.name == "as") return fail("no as here", ENOSPC);
        return n_watches++;
    }
    [[nodiscard]] Result<void> bind(std::uint32_t watch, const Target& /*target*/) override {
        bound.push_back(watch);
        return {};
    }
    [[nodiscard]] int fd() const override { return event_.get(); }
    void read(const Reader& reader) override {
        for (const brink_record& record : std::exchange(records, {})) reader(record, nullptr);
    }
    [[nodiscard]] int timeout_ms() const override { return timeout; }
    [[nodiscard]] std::uint64_t dropped() const override { return 3; }
    [[nodiscard]] std::uint64_t unwatched() const override { return 1; }
    [[nodiscard]] std::optional<std::size_t> check_all() override { return differing; }
    [[nodiscard]] std::vector<std::string> take_remarks() override {
        return {std::string(engine_)};
    }

    std::uint32_t n_watches = 0;
    std::vector<std::uint32_t> bound;
    std::vector<brink_record> records;
    std::optional<std::size_t> differing;
    int timeout = -1;

  private:
    std::string_view engine_;
    Fd event_;
    resource::Subject subject_;
};

class Combined : public testing::Test {
  protected:
    Combined() {
        auto counts = std::make_unique<Fake>("kernel");
        auto others = std::make_unique<Fake>("poll");
        auto denies = std::make_unique<Fake>("notify");
        counts_ = counts.get();
        others_ = others.get();
        denies_ = denies.get();
        const auto of = [](std::string_view name) {
            return [name](const Resource& resource) { return resource.name == name; };
        };
        std::vector<CombinedSource::Part> parts;
        parts.push_back({std::move(counts), of("nofile")});
        parts.push_back({std::move(others), [](const Resource& resource) {
                             return resource.name == "pids" || resource.name == "as";
                         }});
        parts.push_back({std::move(denies), of("pids")});
        source_ = CombinedSource::create(std::move(parts)).value();
    }
    std::uint32_t watch(const char* resource) {
        return source_->add_watch(*find_resource(resource), brink_watch{}).value();
    }
    static brink_record record(std::uint32_t watch, std::uint32_t tally) {
        brink_record made{};
        made.watch = watch;
        made.tally = tally;
        return made;
    }

    Fake* counts_;
    Fake* others_;
    Fake* denies_;
    std::unique_ptr<CombinedSource> source_;
};

TEST_F(Combined, TranslatesNumbersAndKnowsWhereARecordIsFrom) {
    EXPECT_EQ(watch("nofile"), 0U);
    EXPECT_EQ(watch("pids"), 1U);
    EXPECT_EQ(watch("nofile"), 2U);
    EXPECT_EQ(watch("pids"), 3U);
    EXPECT_EQ(counts_->n_watches, 2U);
    EXPECT_EQ(others_->n_watches, 2U);
    EXPECT_EQ(denies_->n_watches, 2U);
    counts_->records = {record(1, 7)};
    others_->records = {record(1, 7)};
    denies_->records = {record(0, 8)};
    std::string said;
    source_->read([&](const brink_record& from, const brink_stack_record*) {
        const resource::Subject* subject = source_->subject_of(from.tally);
        said += std::to_string(from.watch) + " " + std::string(source_->engine_of(from.tally)) +
                " " + (subject != nullptr ? subject->name : "-") + "\n";
    });
    EXPECT_EQ(said, "2 kernel kernel\n3 poll poll\n1 notify -\n");
    EXPECT_EQ(source_->engine(), "kernel");
}

TEST_F(Combined, AsksEveryPartThatTakesTheResource) {
    (void)watch("nofile");
    (void)watch("pids");
    ASSERT_TRUE(source_->bind(1, {.pid = 1}));
    EXPECT_TRUE(counts_->bound.empty());
    EXPECT_EQ(others_->bound, std::vector<std::uint32_t>{0});
    EXPECT_EQ(denies_->bound, std::vector<std::uint32_t>{0});
    EXPECT_EQ(source_->select(0, {}).error().message, "engine kernel cannot watch by --all");
    EXPECT_EQ(source_->add_watch(*find_resource("as"), brink_watch{}).error().code, ENOSPC);
}

TEST_F(Combined, AddsUp) {
    EXPECT_EQ(source_->dropped(), 9U);
    EXPECT_EQ(source_->unwatched(), 3U);
    EXPECT_EQ(source_->timeout_ms(), -1);
    others_->timeout = 50;
    denies_->timeout = 10;
    EXPECT_EQ(source_->timeout_ms(), 10);
    EXPECT_EQ(source_->check_all(), std::nullopt);
    counts_->differing = 2;
    EXPECT_EQ(source_->check_all(), 2U);
    EXPECT_EQ(source_->take_remarks(), (std::vector<std::string>{"kernel", "poll", "notify"}));
}

}  // namespace
}  // namespace brink::engine
