// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/json/value.hpp>
#include <lares/matrix/room_version.hpp>

#include <span>
#include <string>
#include <string_view>

namespace lares::matrix::detail {

/// Appends the redacted form of an event, given by its top-level members in canonical order. What is left out
/// besides is what hashes and signatures do not cover: `signatures` when told, `unsigned` always.
///
/// Gives whether anything but that was left out.
bool append_redacted(std::string& out, std::span<const json::Member> members, std::string_view type,
                     const RoomVersion& version, bool keep_signatures);

}  // namespace lares::matrix::detail
