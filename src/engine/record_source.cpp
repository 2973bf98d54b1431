// SPDX-License-Identifier: Apache-2.0
#include "engine/record_source.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace brink::engine {

Result<void> RecordSource::select(std::uint32_t /*watch*/, const Selection& selection) {
    return fail(fmt::format("engine {} cannot watch by --{}", engine(), select_name(selection.by)),
                EOPNOTSUPP);
}

Result<void> RecordSource::set_owner(std::uint32_t /*owner*/, const Owner& /*who*/) {
    return fail(fmt::format("engine {} serves only whoever runs it", engine()), EOPNOTSUPP);
}

Result<void> RecordSource::set_account(std::uint32_t /*account*/, const Account& /*bounds*/) {
    return fail(fmt::format("engine {} serves only whoever runs it", engine()), EOPNOTSUPP);
}

Result<void> check_watch(const brink_watch& watch, std::size_t n_watches) {
    if (n_watches >= BRINK_MAX_WATCHES)
        return fail(fmt::format("more than {} watches", BRINK_MAX_WATCHES), ENOSPC);
    if (watch.n_levels == 0 || watch.n_levels > BRINK_MAX_LEVELS)
        return fail(fmt::format("a watch has 1 to {} levels", BRINK_MAX_LEVELS), EINVAL);
    return {};
}

}  // namespace brink::engine
