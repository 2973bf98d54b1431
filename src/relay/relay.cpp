// SPDX-License-Identifier: Apache-2.0
#include "relay/relay.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/utf8.hpp"
#include "store/history_reader.hpp"

namespace brink::relay {
namespace {

constexpr int kTestPatience_ms = 30'000;

std::string error_object(const std::string& what) {
    return nlohmann::json{{"error", sanitize_utf8(what)}}.dump();
}

std::string answer_object(const output::Answer& answer) {
    constexpr std::array<std::string_view, 3> kKinds{"taken", "refused", "failed"};
    nlohmann::ordered_json object;
    object["result"] = kKinds[static_cast<std::size_t>(answer.kind)];
    object["answer"] = sanitize_utf8(answer.text);
    return object.dump();
}

Result<Fd> lock_folder(const std::string& folder) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno(fmt::format("state {}", in_quotes(folder)));
    Fd lock(::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock) return fail_errno(fmt::format("state {}", in_quotes(folder)));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return fail(fmt::format("state {}: another brink-relay uses it; write a folder of its own",
                                in_quotes(folder)),
                    errno);
    return lock;
}

}  // namespace

Result<std::unique_ptr<Relay>> Relay::start(Configuration configuration, std::string host,
                                            int stop_fd,
                                            std::function<void(const std::string&)> say,
                                            std::unique_ptr<output::States> states) {
    std::unique_ptr<Relay> relay(new Relay(std::move(states)));
    auto lock = lock_folder(configuration.state);
    if (!lock) return tl::unexpected(lock.error());
    relay->lock_ = std::move(*lock);
    const CourierOptions options{.history = configuration.history,
                                 .host = std::move(host),
                                 .stop_fd = stop_fd,
                                 .states = relay->states_.get(),
                                 .say = std::move(say)};
    for (Route& route : configuration.routes) {
        const std::string name = route.name;
        auto cursor = Cursor::open(fmt::format("{}/{}.cursor", configuration.state, name));
        if (!cursor) return tl::unexpected(cursor.error());
        // What comes from now on is owed to a new output, also while it cannot be started.
        const std::uint64_t newest = store::newest_written(configuration.history);
        if (!cursor->number() && !route.from_beginning && newest > 0)
            if (auto saved = cursor->save(newest); !saved) return tl::unexpected(saved.error());
        auto courier = Courier::start(std::move(route), std::move(*cursor), options);
        if (!courier) return tl::unexpected(courier.error());
        relay->couriers_.emplace(name, std::move(*courier));
    }
    return relay;
}

std::string Relay::answer(const std::string& question) {
    constexpr std::string_view kTest = "test ";
    if (question == "status") return states_->json();
    if (!question.starts_with(kTest))
        return error_object(
            fmt::format("there is no question {}; ask status or test NAME", in_quotes(question)));
    const std::string name = question.substr(kTest.size());
    const auto found = couriers_.find(name);
    if (found == couriers_.end()) {
        std::vector<std::string_view> names;
        for (const auto& [known, courier] : couriers_) names.push_back(known);
        return error_object(fmt::format("there is no output {}; there are: {}", in_quotes(name),
                                        fmt::join(names, ", ")));
    }
    const auto answer = found->second->test(kTestPatience_ms);
    return answer ? answer_object(*answer)
                  : error_object(fmt::format("output {} was busy for {} s: nothing was sent", name,
                                             kTestPatience_ms / 1000));
}

}  // namespace brink::relay
