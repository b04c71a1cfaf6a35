// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/matrix/event.hpp>

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {

/// How event.cpp, event_build.cpp and their kin make events and see where their fields stand.
struct EventAccess {
  struct Assembled {
    std::shared_ptr<Event> event;
    bool content_hash_fits = false;
  };

  struct AssembleOptions {
    bool keep_unsigned = false;
    bool check_content_hash = true;
    /// Limits are counted in bytes whatever the version.
    bool strict_byte_limits = false;
  };

  /// Makes an event of canonical JSON.
  [[nodiscard]] static std::expected<Assembled, EventError> assemble(std::string_view canonical,
                                                                     const RoomVersion& version,
                                                                     const AssembleOptions& options);

  [[nodiscard]] static std::shared_ptr<Event> make();
  [[nodiscard]] static std::expected<EventPtr, EventError> restore(std::string_view bytes,
                                                                   std::string_view header,
                                                                   const RoomVersion& version);
  [[nodiscard]] static std::string header(const Event& event);

  /// The text stands in the bytes as it is, between quotes.
  [[nodiscard]] static bool in_bytes(const Event& event, std::string_view text) noexcept {
    return text.data() >= event.bytes().data() &&
           text.data() + text.size() <= event.bytes().data() + event.bytes().size();
  }
};

namespace detail {

/// The top-level members of an object.
[[nodiscard]] std::vector<json::Member> top_level(std::string_view canonical);

[[nodiscard]] crypto::Sha256Digest content_hash_of(std::string_view canonical,
                                                   const std::vector<json::Member>& members);

[[nodiscard]] json::ScanOptions scan_options(const RoomVersion& version) noexcept;

}  // namespace detail

}  // namespace lares::matrix
