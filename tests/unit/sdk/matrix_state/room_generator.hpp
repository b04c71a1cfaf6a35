// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "room_model.hpp"

#include <random>

namespace lares::matrix::test {

/// Makes a room of forks, joins, bans, changes of power and of join rules, in which people do what they may
/// and sometimes what they may not. Gives its events in the order in which they were made; `room` has
/// received them.
[[nodiscard]] std::vector<EventPtr> generate_room(RoomModel& room, std::size_t size, std::mt19937_64& random);

}  // namespace lares::matrix::test
