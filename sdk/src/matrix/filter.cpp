// SPDX-License-Identifier: Apache-2.0
#include <lares/json/writer.hpp>
#include <lares/matrix/filter.hpp>
#include <lares/matrix/identifiers.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace lares::matrix {

namespace {

constexpr std::size_t kMostEntries = 1000;
constexpr std::size_t kMostNames = 100;

using Texts = std::optional<std::vector<std::string>>;

std::expected<Texts, std::string> read_texts(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    return Texts{};
  }
  if (!found->is_array() || found->size() > kMostEntries ||
      !std::ranges::all_of(*found, [](const nlohmann::json& entry) { return entry.is_string(); })) {
    return std::unexpected("The filter's '" + std::string{key} + "' is not a list of at most 1000 strings.");
  }
  return Texts{found->get<std::vector<std::string>>()};
}

std::expected<std::optional<bool>, std::string> read_bool(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    return std::optional<bool>{};
  }
  if (!found->is_boolean()) {
    return std::unexpected("The filter's '" + std::string{key} + "' is not a boolean.");
  }
  return std::optional<bool>{found->get<bool>()};
}

// `*` stands for any run of characters.
bool matches_glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool any_glob(const std::vector<std::string>& patterns, std::string_view text) {
  return std::ranges::any_of(patterns,
                             [text](const std::string& pattern) { return matches_glob(pattern, text); });
}

bool contains(const std::vector<std::string>& texts, std::string_view text) {
  return std::ranges::find(texts, text) != texts.end();
}

}  // namespace

std::expected<EventFilter, std::string> EventFilter::parse(const nlohmann::json& object) {
  if (!object.is_object()) {
    return std::unexpected(std::string{"A section of the filter is not an object."});
  }
  EventFilter filter;
  if (const auto limit = object.find("limit"); limit != object.end() && !limit->is_null()) {
    // A number without a sign is kept as unsigned, however large.
    if (!limit->is_number_unsigned() && !(limit->is_number_integer() && limit->get<std::int64_t>() >= 0)) {
      return std::unexpected(std::string{"The filter's 'limit' is not a number of events."});
    }
    filter.limit_ =
        static_cast<std::size_t>(std::min<std::uint64_t>(limit->get<std::uint64_t>(), kMostEvents));
  }
  struct List {
    const char* key;
    Texts* optional;
    std::vector<std::string>* plain;
    bool (*valid)(const std::string& entry);
  };
  constexpr auto kAnything = [](const std::string&) { return true; };
  constexpr auto kUser = [](const std::string& entry) { return UserId::valid(entry); };
  constexpr auto kRoom = [](const std::string& entry) { return RoomId::valid(entry); };
  for (const List& list : {List{"types", &filter.types_, nullptr, kAnything},
                           List{"not_types", nullptr, &filter.not_types_, kAnything},
                           List{"senders", &filter.senders_, nullptr, kUser},
                           List{"not_senders", nullptr, &filter.not_senders_, kUser},
                           List{"rooms", &filter.rooms_, nullptr, kRoom},
                           List{"not_rooms", nullptr, &filter.not_rooms_, kRoom}}) {
    auto texts = read_texts(object, list.key);
    if (!texts) {
      return std::unexpected(texts.error());
    }
    if (*texts && !std::ranges::all_of(**texts, list.valid)) {
      return std::unexpected("An entry of the filter's '" + std::string{list.key} + "' is no identifier.");
    }
    if (*texts) {
      filter.trivial_ = false;
      if (list.optional != nullptr) {
        *list.optional = std::move(*texts);
      } else {
        *list.plain = std::move(**texts);
      }
    }
  }
  struct Flag {
    const char* key;
    bool* value;
  };
  for (const Flag& flag : {Flag{"lazy_load_members", &filter.lazy_load_members_},
                           Flag{"include_redundant_members", &filter.include_redundant_members_},
                           Flag{"unread_thread_notifications", &filter.unread_thread_notifications_}}) {
    const auto value = read_bool(object, flag.key);
    if (!value) {
      return std::unexpected(value.error());
    }
    *flag.value = value->value_or(false);
  }
  const auto contains_url = read_bool(object, "contains_url");
  if (!contains_url) {
    return std::unexpected(contains_url.error());
  }
  filter.contains_url_ = *contains_url;
  filter.trivial_ = filter.trivial_ && !filter.contains_url_;
  return filter;
}

std::size_t EventFilter::limit(std::size_t fallback) const noexcept {
  return limit_.value_or(fallback);
}

bool EventFilter::matches_nothing() const noexcept {
  const auto none = [](const Texts& list) { return list && list->empty(); };
  return none(types_) || none(senders_) || none(rooms_) || contains(not_types_, "*");
}

bool EventFilter::matches(const Event& event) const {
  if (trivial_) {
    return true;
  }
  if (contains_url_ && *contains_url_ != event.content()["url"].is_string()) {
    return false;
  }
  return matches(event.type(), event.sender()) && matches_room(event.room_id());
}

bool EventFilter::matches(std::string_view type, std::string_view sender) const {
  if (trivial_) {
    return true;
  }
  if (any_glob(not_types_, type) || (types_ && !any_glob(*types_, type))) {
    return false;
  }
  return sender.empty() || (!contains(not_senders_, sender) && (!senders_ || contains(*senders_, sender)));
}

bool EventFilter::matches_room(std::string_view room_id) const {
  return trivial_ || (!contains(not_rooms_, room_id) && (!rooms_ || contains(*rooms_, room_id)));
}

std::expected<FieldSelection, std::string> FieldSelection::parse(std::span<const std::string> paths) {
  FieldSelection selection;
  for (const std::string& path : paths) {
    std::vector<std::string> names(1);
    for (std::size_t i = 0; i < path.size(); ++i) {
      const bool escape =
          path[i] == '\\' && i + 1 < path.size() && (path[i + 1] == '.' || path[i + 1] == '\\');
      if (escape) {
        names.back() += path[++i];
      } else if (path[i] == '.') {
        names.emplace_back();
      } else {
        names.back() += path[i];
      }
    }
    if (names.size() > kMostNames) {
      return std::unexpected(std::string{"A path of the filter's 'event_fields' has more than 100 names."});
    }
    Node* node = &selection.root_;
    for (std::string& name : names) {
      const auto found = std::ranges::find(node->children, name, &Node::name);
      node =
          found != node->children.end()
              ? &*found
              : &node->children.emplace_back(Node{.name = std::move(name), .whole = false, .children = {}});
    }
    node->whole = true;
  }
  return selection;
}

std::string FieldSelection::selected(json::Value object) const {
  std::string out = select(object, root_);
  return out.empty() ? "{}" : out;
}

std::string FieldSelection::select(json::Value object, const Node& node) {
  std::string out;
  json::Writer writer{out};
  std::string scratch;
  for (const json::Member& member : object.members()) {
    const auto wanted = std::ranges::find(node.children, member.key.text(scratch), &Node::name);
    if (wanted == node.children.end()) {
      continue;
    }
    std::string part = wanted->whole ? std::string{} : select(member.value, *wanted);
    if (!wanted->whole && part.empty()) {
      continue;
    }
    if (out.empty()) {
      writer.begin_object();
    }
    if (wanted->whole) {
      writer.raw_member(member.bytes);
    } else {
      writer.key(wanted->name).raw(part);
    }
  }
  if (!out.empty()) {
    writer.end_object();
  }
  return out;
}

std::expected<Filter, std::string> Filter::parse(const nlohmann::json& object) {
  if (!object.is_object()) {
    return std::unexpected(std::string{"The filter is not an object."});
  }
  Filter filter;
  struct Section {
    const nlohmann::json* parent;
    const char* key;
    EventFilter* target;
  };
  static const nlohmann::json kEmpty = nlohmann::json::object();
  const auto room = object.find("room");
  const nlohmann::json& room_object = room == object.end() || room->is_null() ? kEmpty : *room;
  if (!room_object.is_object()) {
    return std::unexpected(std::string{"The filter's 'room' is not an object."});
  }
  for (const Section& section :
       {Section{&object, "presence", &filter.presence_},
        Section{&object, "account_data", &filter.account_data_},
        Section{&room_object, "timeline", &filter.timeline_}, Section{&room_object, "state", &filter.state_},
        Section{&room_object, "ephemeral", &filter.ephemeral_},
        Section{&room_object, "account_data", &filter.room_account_data_}}) {
    const auto found = section.parent->find(section.key);
    if (found == section.parent->end() || found->is_null()) {
      continue;
    }
    auto parsed = EventFilter::parse(*found);
    if (!parsed) {
      return std::unexpected(parsed.error());
    }
    *section.target = std::move(*parsed);
  }
  nlohmann::json rooms = nlohmann::json::object();
  for (const char* key : {"rooms", "not_rooms"}) {
    if (const auto found = room_object.find(key); found != room_object.end()) {
      rooms[key] = *found;
    }
  }
  auto wanted = EventFilter::parse(rooms);
  if (!wanted) {
    return std::unexpected(wanted.error());
  }
  filter.rooms_ = std::move(*wanted);
  const auto include_leave = read_bool(room_object, "include_leave");
  if (!include_leave) {
    return std::unexpected(include_leave.error());
  }
  filter.include_leave_ = include_leave->value_or(false);
  const auto paths = read_texts(object, "event_fields");
  if (!paths) {
    return std::unexpected(paths.error());
  }
  if (*paths) {
    auto fields = FieldSelection::parse(**paths);
    if (!fields) {
      return std::unexpected(fields.error());
    }
    filter.fields_ = std::move(*fields);
  }
  if (const auto format = object.find("event_format"); format != object.end() && !format->is_null()) {
    if (*format != "client" && *format != "federation") {
      return std::unexpected(
          std::string{"The filter's 'event_format' is neither 'client' nor 'federation'."});
    }
    filter.federation_format_ = *format == "federation";
  }
  return filter;
}

bool Filter::wants_room(std::string_view room_id) const {
  return rooms_.matches_room(room_id);
}

}  // namespace lares::matrix
