// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lares::config {

/// How many letters one has to insert, remove, change or swap with a neighbour to make `b` out of `a`.
[[nodiscard]] std::size_t spelling_distance(std::string_view a, std::string_view b);

/// The candidate that was most likely meant, or "" if none is near.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace lares::config
