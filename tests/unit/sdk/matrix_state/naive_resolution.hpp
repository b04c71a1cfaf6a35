// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "room_model.hpp"

namespace lares::matrix::test {

/// State resolution as the specification words it, on whole states and whole auth chains: the slow truth that
/// the quick one is held against. `refused` is filled with the events that were not allowed at their step.
[[nodiscard]] ReadableState naive_resolution(const RoomModel& room, const std::vector<ReadableState>& states,
                                             ResolutionReading reading,
                                             std::vector<std::string>* refused = nullptr);

}  // namespace lares::matrix::test
