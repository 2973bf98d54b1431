// SPDX-License-Identifier: Apache-2.0
// The distribution of a report as a picture: SVG 1.1 in one file, without scripts and without anything from elsewhere.
#pragma once

#include <string>

#include "latency/measurement.hpp"

namespace brink::sink {

/// Both scales are logarithmic: samples over latency, the whole as an area, its parts as lines. `title` stands above it.
[[nodiscard]] std::string latency_svg(const latency::Report& report, const std::string& title);

}  // namespace brink::sink
