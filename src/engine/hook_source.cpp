// SPDX-License-Identifier: Apache-2.0
#include "engine/hook_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/fd.hpp"

namespace brink::engine {
namespace {

constexpr int kSamples = 16;
constexpr int kMaxSamples = 20000;
// A CPU that stands still (a virtual one may) between deciding on a record and writing it lets the others
// run ahead. What is missing comes, or is counted as dropped; less than half of the 65536 numbers.
constexpr std::size_t kMaxHeld = 16384;
// Long enough for an operation under way to end: it runs, or, where the kernel preempts it, waits for
// its next turn.
constexpr long kSamplePause_ns = 50'000;
constexpr long kPreemptedPause_ns = 3'000'000;

std::string subject(const Target& target) {
    return fmt::format("{} {}", target.thread ? "thread" : "process", target.pid);
}

Error bind_error(int code, const Target& target) {
    switch (code) {
        case ESRCH:
            return {code,
                    fmt::format("{} has no descriptor table: it is exiting", subject(target))};
        case ENOSPC:
            return {code, fmt::format("{} cannot be watched: the tables are full (--max-subjects "
                                      "makes them larger), or it has {} watches already",
                                      subject(target), BRINK_MAX_PER_SUBJECT)};
        default:
            return {code, fmt::format("cannot watch {}: {}", subject(target), std::strerror(code))};
    }
}

}  // namespace

Result<std::unique_ptr<HookSource>> HookSource::create(const kernel::HookOptions& options) {
    auto hooks = kernel::Hooks::load(options);
    if (!hooks) return tl::unexpected(hooks.error());
    std::unique_ptr<HookSource> source(new HookSource(std::move(*hooks)));
    source->engine_ = options.engine;
    return source;
}

std::string_view HookSource::engine() const {
    return engine_ == kernel::HookEngine::kernel ? "kernel" : "tracepoint";
}

Result<std::uint32_t> HookSource::add_watch(const brink_watch& watch) {
    if (n_watches_ == BRINK_MAX_WATCHES)
        return fail(fmt::format("more than {} watches", BRINK_MAX_WATCHES), ENOSPC);
    brink_watch written = watch;
    // Without the way down the kernel engine needs no hook on close: it recounts near a level.
    if (engine_ == kernel::HookEngine::tracepoint || !(watch.flags & BRINK_WATCH_DOWN))
        written.flags |= BRINK_WATCH_SCAN;
    if (auto stored = hooks_->set_watch(n_watches_, written); !stored)
        return tl::unexpected(stored.error());
    scans_.push_back(written.flags & BRINK_WATCH_SCAN);
    return n_watches_++;
}

Result<void> HookSource::attach() { return hooks_->attach(); }

Result<void> HookSource::bind(std::uint32_t watch, const Target& target) {
    if (auto attached = hooks_->attach(); !attached) return attached;
    const std::string path = fmt::format("/proc/{}", target.pid);
    const Fd process(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!process) return fail(fmt::format("there is no {}", subject(target)), ESRCH);
    brink_command command{};
    command.kind = BRINK_COMMAND_BIND;
    command.watch = watch;
    command.proc_fd = process.get();
    if (target.thread) command.flags |= BRINK_TALLY_THREAD;
    if (target.at_exec) command.flags |= BRINK_TALLY_AT_EXEC;
    if (scans_[watch]) command.flags |= BRINK_TALLY_SCAN;
    brink_answer answer{};
    for (int i = 0; i < kSamples; ++i) {
        answer = hooks_->command(command);
        if (answer.error != -EAGAIN) break;
    }
    if (answer.error) return tl::unexpected(bind_error(-answer.error, target));
    Stream& stream = streams_[answer.tally] = Stream{};
    stream.generation = answer.generation;
    stream.last.tally = answer.tally;
    stream.last.generation = answer.generation;
    stream.last.watch = watch;
    stream.last.pid = stream.last.ns_pid = static_cast<brink_u32>(target.pid);
    stream.last.start_time_ns = hooks_->tally(answer.tally).start_time_ns;
    stream.last.flags = BRINK_RECORD_NAMED;
    if (target.thread) stream.last.flags |= BRINK_RECORD_THREAD;
    return target.at_exec ? Result<void>{} : settle(answer);
}

// The first count of a table that others may be changing. Each sample is at most the truth, and is
// the truth whenever no operation is half way through (docs/adr/0001-counting.md): the largest of
// several, taken over a time in which every such operation has ended, is exact.
Result<void> HookSource::settle(const brink_answer& bound) {
    brink_command command{};
    command.kind = BRINK_COMMAND_COUNT;
    command.tally = bound.tally;
    int base = -1;
    int samples = 0;
    for (int i = 0; i < kMaxSamples && samples < kSamples; ++i) {
        const int sample = hooks_->command(command).error;
        base = std::max(base, sample);
        if (sample >= 0) {
            ++samples;
            pause_between_samples();
        }
    }
    if (base < 0) {
        command.kind = BRINK_COMMAND_UNBIND;
        (void)hooks_->command(command);
        return fail("the descriptor table changes faster than it can be counted; try again",
                    EAGAIN);
    }
    command.kind = BRINK_COMMAND_COMMIT;
    command.base = static_cast<std::uint64_t>(base);
    if (const int error = hooks_->command(command).error; error && error != -EINVAL)
        return fail("the watch could not be settled", -error);
    const brink_tally& tally = hooks_->tally(bound.tally);
    if (2 * (tally.word & BRINK_COUNT_MASK) >= tally.limit && hooks_->sees_refusals())
        return hooks_->attach_refusals();
    return {};
}

std::string HookSource::no_refusals() const {
    if (hooks_->sees_refusals()) return {};
    for (const kernel::HookStatus& hook : hooks_->status())
        if (hook.optional) return hook.reason;
    return "no hook for them";
}

void HookSource::pause_between_samples() const {
    const timespec pause{0, hooks_->preemptible() ? kPreemptedPause_ns : kSamplePause_ns};
    ::nanosleep(&pause, nullptr);
}

void HookSource::read(const Reader& reader) {
    hooks_->read([&](const void* data, std::size_t bytes) { take(data, bytes, reader); });
    resync_dropped(reader);
    if (!std::exchange(woken_, false) && !hooks_->preemptible()) return;
    if (const std::uint64_t missed = hooks_->missed(); missed != missed_seen_) {
        missed_seen_ = missed;
        (void)check_all();
    }
}

void HookSource::take(const void* data, std::size_t bytes, const Reader& reader) {
    if (bytes >= sizeof(brink_stack_record))
        take_stack(*static_cast<const brink_stack_record*>(data), reader);
    else if (bytes >= sizeof(brink_record))
        take_record(*static_cast<const brink_record*>(data), reader);
}

HookSource::Stream& HookSource::stream_of(std::uint32_t tally, std::uint32_t generation,
                                          const Reader& reader) {
    Stream& stream = streams_[tally];
    if (stream.generation != generation) {
        end(stream, reader);
        stream = Stream{};
        stream.generation = generation;
    }
    return stream;
}

void HookSource::take_stack(const brink_stack_record& record, const Reader& reader) {
    stream_of(record.tally, record.generation, reader).stack = std::make_unique<brink_stack_record>(
        record);
}

void HookSource::take_record(const brink_record& record, const Reader& reader) {
    if (record.type == BRINK_RECORD_NEAR) {
        (void)hooks_->attach_refusals();
        return;
    }
    if (record.type == BRINK_RECORD_WAKE) {
        hooks_->heard_wake();
        woken_ = true;
        return;
    }
    Stream& stream = stream_of(record.tally, record.generation, reader);
    std::unique_ptr<brink_stack_record> stack;
    if (stream.stack && stream.stack->number == record.number) stack = std::move(stream.stack);
    if (record.number != stream.next && !stream.gap && !is_gap(stream, record, reader)) {
        stream.held.push_back(Held{record, std::move(stack)});
        ++held_;
        if (stream.held.size() > kMaxHeld) flush(stream, reader);
        return;
    }
    stream.gap = false;
    hand_over(stream, record, std::move(stack), reader);
}

// Whether the numbers before `record` were dropped, rather than being late from another CPU: then
// that is said here, where they are missing. Numbers are modulo 65536, the count of drops is not.
bool HookSource::is_gap(Stream& stream, const brink_record& record, const Reader& reader) {
    const brink_tally& tally = hooks_->tally(record.tally);
    if (tally.generation != record.generation) return false;
    const std::uint64_t missing = tally.dropped - stream.dropped;
    const auto step = static_cast<std::uint16_t>(record.number - stream.next);
    if (missing < step || !stream.held.empty()) return false;
    brink_record lost = record;
    lost.type = BRINK_RECORD_LOST;
    lost.usage = step + (missing - step) / 65536 * 65536;
    stream.dropped += lost.usage;
    stream.resync_due = true;
    reader(lost, nullptr);
    return true;
}

void HookSource::hand_over(Stream& stream, const brink_record& record,
                           std::unique_ptr<brink_stack_record> stack, const Reader& reader) {
    brink_record current = record;
    while (true) {
        stream.next = static_cast<std::uint16_t>(current.number + 1);
        stream.last = current;
        reader(current, stack.get());
        if (current.type == BRINK_RECORD_EXIT) {
            streams_.erase(current.tally);
            return;
        }
        const auto waiting = std::find_if(stream.held.begin(), stream.held.end(),
                                          [&](const Held& held) {
                                              return held.record.number == stream.next;
                                          });
        if (waiting == stream.held.end()) return;
        current = waiting->record;
        stack = std::move(waiting->stack);
        stream.held.erase(waiting);
        --held_;
    }
}

// Records that found no room leave a gap in the numbers that will never be filled. What came after
// it is handed over, and the subject's present state is said.
void HookSource::resync_dropped(const Reader& reader) {
    const std::uint64_t dropped = hooks_->dropped();
    if (dropped == dropped_seen_) return;
    dropped_seen_ = dropped;
    for (std::uint32_t id = 1; id < hooks_->tallies(); ++id) {
        const brink_tally& tally = hooks_->tally(id);
        if (!tally.table || !tally.dropped) continue;
        Stream& stream = stream_of(id, tally.generation, reader);
        if (stream.dropped == tally.dropped && !stream.resync_due) continue;
        stream.dropped = tally.dropped;
        stream.resync_due = false;
        flush(stream, reader);
        (void)resync(id, 0);
    }
    end_the_gone(reader);
}

// Hands over what is held of a tally, and takes whatever comes next as next.
void HookSource::flush(Stream& stream, const Reader& reader) {
    stream.gap = true;
    std::deque<Held> all = std::exchange(stream.held, {});
    held_ -= all.size();
    // Not by number: numbers wrap, and there may be more than one gap.
    std::stable_sort(all.begin(), all.end(), [](const Held& a, const Held& b) {
        return a.record.monotonic_ns < b.record.monotonic_ns;
    });
    for (const Held& held : all) {
        stream.next = static_cast<std::uint16_t>(held.record.number + 1);
        stream.last = held.record;
        reader(held.record, held.stack.get());
    }
}

// Subjects whose `exit` was among what was dropped: their tally has another owner, or none.
void HookSource::end_the_gone(const Reader& reader) {
    // A record that came after the last look would be no lost one.
    hooks_->read([&](const void* data, std::size_t bytes) { take(data, bytes, reader); });
    for (auto at = streams_.begin(); at != streams_.end();) {
        if (hooks_->tally(at->first).generation == at->second.generation) {
            ++at;
            continue;
        }
        end(at->second, reader);
        at = streams_.erase(at);
    }
}

// Hands over what is held, and says `exit` if nobody has.
void HookSource::end(Stream& stream, const Reader& reader) {
    flush(stream, reader);
    brink_record record = stream.last;
    if (record.pid == 0 || record.type == BRINK_RECORD_EXIT) return;
    record.type = BRINK_RECORD_EXIT;
    record.usage = record.tid = record.ns_tid = record.errno_value = 0;
    record.monotonic_ns = monotonic_now_ns();
    reader(record, nullptr);
}

// `off`: what the tally is to be corrected by. The record comes with the next read().
bool HookSource::resync(std::uint32_t id, std::int64_t off) {
    brink_command command{};
    command.kind = BRINK_COMMAND_RESYNC;
    command.tally = id;
    command.generation = hooks_->tally(id).generation;
    command.base = static_cast<std::uint64_t>(off);
    brink_answer answer{};
    for (int i = 0; i < kSamples; ++i) {
        answer = hooks_->command(command);
        if (answer.error != -EAGAIN) break;
    }
    return answer.error == 0;
}

// How far a tally is off: as with the first count, operations under way make a sample too small,
// never too large, so the largest of several is the truth.
std::int64_t HookSource::difference(std::uint32_t id) {
    brink_command command{};
    command.kind = BRINK_COMMAND_CHECK;
    command.tally = id;
    command.generation = hooks_->tally(id).generation;
    std::optional<std::int64_t> most;
    for (int i = 0; i < kSamples; ++i) {
        const brink_answer answer = hooks_->command(command);
        if (answer.error == -ESRCH) return 0;
        if (answer.error) continue;
        const auto off = static_cast<std::int64_t>(answer.base - answer.usage);
        if (off == 0) return 0;
        most = std::max(most.value_or(off), off);
        pause_between_samples();
    }
    return most.value_or(0);
}

std::size_t HookSource::check_all() {
    std::size_t differing = 0;
    for (std::uint32_t id = 1; id < hooks_->tallies(); ++id) {
        const brink_tally& tally = hooks_->tally(id);
        if (!tally.table) continue;
        const std::int64_t off = difference(id);
        if (off != 0 && resync(id, off)) ++differing;
    }
    return differing;
}

}  // namespace brink::engine
