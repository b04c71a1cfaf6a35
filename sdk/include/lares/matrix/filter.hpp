// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/json/value.hpp>
#include <lares/matrix/event.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {

/// Which events of a section a client wants.
///
/// spec: Client-Server API, "Filtering": EventFilter, RoomEventFilter, StateFilter
class LARES_EXPORT EventFilter {
 public:
  /// Most events that a client gets in one section, whatever it asks for.
  static constexpr std::size_t kMostEvents = 1000;

  /// **Errors**: the sentence for M_BAD_JSON.
  [[nodiscard]] static std::expected<EventFilter, std::string> parse(const nlohmann::json& object);

  [[nodiscard]] std::size_t limit(std::size_t fallback) const noexcept;
  [[nodiscard]] bool lazy_load_members() const noexcept { return lazy_load_members_; }
  [[nodiscard]] bool include_redundant_members() const noexcept { return include_redundant_members_; }
  /// Unread counts are wanted by thread, and those of the room are of the main timeline then.
  [[nodiscard]] bool unread_thread_notifications() const noexcept { return unread_thread_notifications_; }
  /// True if it lets everything through.
  [[nodiscard]] bool trivial() const noexcept { return trivial_; }
  /// True if it is plain from the filter alone that it lets nothing through.
  [[nodiscard]] bool matches_nothing() const noexcept;

  [[nodiscard]] bool matches(const Event& event) const;
  /// For sections without events of rooms: account data, ephemeral events, presence. An empty sender matches.
  [[nodiscard]] bool matches(std::string_view type, std::string_view sender) const;
  [[nodiscard]] bool matches_room(std::string_view room_id) const;

 private:
  std::optional<std::size_t> limit_;
  std::optional<std::vector<std::string>> types_;
  std::vector<std::string> not_types_;
  std::optional<std::vector<std::string>> senders_;
  std::vector<std::string> not_senders_;
  std::optional<std::vector<std::string>> rooms_;
  std::vector<std::string> not_rooms_;
  std::optional<bool> contains_url_;
  bool lazy_load_members_ = false;
  bool include_redundant_members_ = false;
  bool unread_thread_notifications_ = false;
  bool trivial_ = true;
};

/// The fields of events that a client wants: paths of names with dots between them, where a backslash stands
/// before a dot or a backslash that belongs to a name.
///
/// spec: Client-Server API, "Filtering": `event_fields`
class LARES_EXPORT FieldSelection {
 public:
  /// All fields.
  FieldSelection() = default;
  /// Of no paths at all everything is wanted. **Errors**: the sentence for M_BAD_JSON. Bounded: 1,000 paths
  /// of at most 100 names.
  [[nodiscard]] static std::expected<FieldSelection, std::string> parse(std::span<const std::string> paths);

  [[nodiscard]] bool everything() const noexcept { return root_.children.empty(); }
  /// The object with what is wanted of it; nothing stands for an object of which nothing is.
  [[nodiscard]] std::string selected(json::Value object) const;

 private:
  struct Node {
    std::string name;
    bool whole = false;
    std::vector<Node> children;
  };
  static std::string select(json::Value object, const Node& node);

  Node root_;
};

/// A filter as a client stores or sends it.
///
/// spec: Client-Server API, "Filtering"
class LARES_EXPORT Filter {
 public:
  /// Everything.
  Filter() = default;
  /// **Errors**: the sentence for M_BAD_JSON. Bounded: 1,000 entries in any list.
  [[nodiscard]] static std::expected<Filter, std::string> parse(const nlohmann::json& object);

  [[nodiscard]] const EventFilter& timeline() const noexcept { return timeline_; }
  [[nodiscard]] const EventFilter& state() const noexcept { return state_; }
  [[nodiscard]] const EventFilter& ephemeral() const noexcept { return ephemeral_; }
  [[nodiscard]] const EventFilter& room_account_data() const noexcept { return room_account_data_; }
  [[nodiscard]] const EventFilter& account_data() const noexcept { return account_data_; }
  [[nodiscard]] const EventFilter& presence() const noexcept { return presence_; }
  [[nodiscard]] bool include_leave() const noexcept { return include_leave_; }
  [[nodiscard]] bool wants_room(std::string_view room_id) const;
  [[nodiscard]] const FieldSelection& fields() const noexcept { return fields_; }
  /// Events are wanted as servers send them to each other.
  [[nodiscard]] bool federation_format() const noexcept { return federation_format_; }

 private:
  EventFilter timeline_;
  EventFilter state_;
  EventFilter ephemeral_;
  EventFilter room_account_data_;
  EventFilter account_data_;
  EventFilter presence_;
  EventFilter rooms_;
  FieldSelection fields_;
  bool include_leave_ = false;
  bool federation_format_ = false;
};

}  // namespace lares::matrix
