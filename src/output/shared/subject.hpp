// SPDX-License-Identifier: Apache-2.0
// How a subject is named for programs that know series, topics and services: by what stays the same when a process is
// started again. A pid would make a new series of each process.
#pragma once

#include <string>
#include <string_view>

#include "brink/event.hpp"
#include "output/shared/settings.hpp"

namespace brink::output {

/// The unit ("leaky.service"), else the command's name, the cgroup, the user ("user-1000"), or "system".
[[nodiscard]] std::string subject_name(const Event& event);

/// The event's own host, else `host`.
[[nodiscard]] const std::string& host_of(const Event& event, const std::string& host);

/// `name` with every byte that is no ASCII letter, digit, '-', '_' or one of `also` replaced by '_'; "_" where it is empty.
[[nodiscard]] std::string plain_name(std::string_view name, std::string_view also = {});

/// Setting "prefix" ("brink" unless given): what stands before the names of series.
[[nodiscard]] std::string plain_prefix(Settings& settings);

/// `text` with {host}, {resource}, {scope}, {subject}, {comm} and {unit} of the event in their places.
[[nodiscard]] std::string fill(std::string_view text, const Event& event, const std::string& host);

/// Complains about setting `key` where `text` has other words in braces, or is empty.
void check_template(Settings& settings, const std::string& key, std::string_view text);

/// usage / limit; 0 where there is no limit.
[[nodiscard]] double ratio_of(const Event& event);

/// One line for people: "nofile 80%: leaky[1234] at 820 of 1024".
[[nodiscard]] std::string sentence(const Event& event);

}  // namespace brink::output
