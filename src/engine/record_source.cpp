// SPDX-License-Identifier: Apache-2.0
#include "engine/record_source.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace brink::engine {

Result<void> RecordSource::select(std::uint32_t watch, const Selection& selection) {
    return fail(fmt::format("engine {} cannot watch by --{}", engine(watch),
                            select_name(selection.by)),
                EOPNOTSUPP);
}

}  // namespace brink::engine
