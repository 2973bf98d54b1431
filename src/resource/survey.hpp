// SPDX-License-Identifier: Apache-2.0
// Survey: every limit of a machine at one moment, read from outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brink/resource.hpp"
#include "kernel/machine.hpp"
#include "resource/table.hpp"

namespace brink::resource {

/// One subject and how it stands. A process has only its number until name_process().
struct Row {
    const Resource* resource = nullptr;
    Subject subject;
    Reading reading;
};

/// What of a resource is missing, and why.
struct Remark {
    const Resource* resource = nullptr;
    std::string text;
    bool nothing = false;  ///< no row at all
};

struct Survey {
    std::vector<Row>
        rows;  ///< nearest to its limit first; then without a limit, by resource, largest first
    std::vector<Remark> remarks;  ///< in the order of the resources
};

/// Reads `wanted` on `machine`. Processes that end meanwhile, and those without memory of their own (kernel threads,
/// zombies), are left out.
[[nodiscard]] Survey read_survey(kernel::Machine& machine,
                                 const std::vector<const Resource*>& wanted);

/// The nearest row of a resource, and how many rows it has.
struct Nearest {
    Row* row = nullptr;
    std::size_t of = 0;
};

/// One for each resource that has rows, in the order of survey.rows. Points into `survey`.
[[nodiscard]] std::vector<Nearest> nearest_of_each(Survey& survey);

/// How one subject stands in all that was read of it.
struct Standing {
    std::vector<Row*> rows;  ///< at least one, nearest first
};

/// Every subject once, nearest first. What is counted for the whole system is a subject for each
/// resource. Points into `survey`.
[[nodiscard]] std::vector<Standing> by_subject(Survey& survey);

/// Tells subjects apart, and knows one again in a later survey.
[[nodiscard]] std::string key_of(const Row& row);

/// Fills in what processes are called, and whose they are: only for rows that are shown, since it costs as much as
/// reading them. One that has ended meanwhile keeps its number.
void name_process(const kernel::Machine& machine, Row& row);

/// Whether usage `a` is nearer to its limit than `b`: the larger share of the limit that is used. What has no limit is
/// farther than anything that has.
[[nodiscard]] bool nearer(const Reading& a, const Reading& b);

/// The share of the limit that is used, in thousandths, rounded down; nullopt without a limit.
[[nodiscard]] std::optional<std::uint64_t> permille(const Reading& reading);

}  // namespace brink::resource
