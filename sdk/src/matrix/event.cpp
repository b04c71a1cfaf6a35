// SPDX-License-Identifier: Apache-2.0
#include "event_access.hpp"
#include "identifier_grammar.hpp"
#include "redaction.hpp"

#include <fmt/format.h>
#include <lares/crypto/base64.hpp>
#include <lares/json/canonical.hpp>
#include <lares/matrix/event.hpp>

#include <algorithm>
#include <cstring>

namespace lares::matrix {

namespace {

/// Received text may have white space and escapes that canonical JSON has not; beyond this it is not worth
/// reading.
constexpr std::size_t kMaxReceivedBytes = 16 * kMaxEventBytes;

[[nodiscard]] std::size_t code_points(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::unexpected<EventError> fault(EventErrorCode code, std::string_view field) {
  return std::unexpected(EventError{code, field, {}});
}

/// A text of the event: where it stands in the bytes, or its plain form when it has escapes there.
struct Text {
  std::string_view in_bytes;
  std::string plain;
  bool escaped = false;

  [[nodiscard]] std::string_view view() const noexcept {
    return escaped ? std::string_view{plain} : in_bytes;
  }
};

[[nodiscard]] bool read_text(Text& text, const json::Value& value) {
  const auto string = value.as_string();
  if (!string) {
    return false;
  }
  text.in_bytes = string->raw();
  if (!string->plain()) {
    text.escaped = true;
    text.plain = string->decoded();
  }
  return true;
}

[[nodiscard]] bool too_long(std::string_view text, bool in_bytes) noexcept {
  return text.size() > kMaxFieldBytes && (in_bytes || code_points(text) > kMaxFieldBytes);
}

/// What a walk over the members finds.
struct Fields {
  json::Value content, signatures, hashes, unsigned_data, prev_events, auth_events;
  json::Value type, sender, room_id, event_id, state_key, redacts, origin_server_ts, depth;
  std::string_view unsigned_member;
};

[[nodiscard]] Fields find_fields(const std::vector<json::Member>& members) noexcept {
  Fields fields;
  for (const json::Member& member : members) {
    if (!member.key.plain()) {
      continue;
    }
    const std::string_view key = member.key.raw();
    if (key == "auth_events") {
      fields.auth_events = member.value;
    } else if (key == "content") {
      fields.content = member.value;
    } else if (key == "depth") {
      fields.depth = member.value;
    } else if (key == "event_id") {
      fields.event_id = member.value;
    } else if (key == "hashes") {
      fields.hashes = member.value;
    } else if (key == "origin_server_ts") {
      fields.origin_server_ts = member.value;
    } else if (key == "prev_events") {
      fields.prev_events = member.value;
    } else if (key == "redacts") {
      fields.redacts = member.value;
    } else if (key == "room_id") {
      fields.room_id = member.value;
    } else if (key == "sender") {
      fields.sender = member.value;
    } else if (key == "signatures") {
      fields.signatures = member.value;
    } else if (key == "state_key") {
      fields.state_key = member.value;
    } else if (key == "type") {
      fields.type = member.value;
    } else if (key == "unsigned") {
      fields.unsigned_data = member.value;
      fields.unsigned_member = member.bytes;
    }
  }
  return fields;
}

/// The ids of prev_events or auth_events; false when the list has another form.
[[nodiscard]] bool read_references(std::vector<Text>& out, const json::Value& list, bool with_hashes,
                                   std::size_t& count) {
  if (!list.is_array()) {
    return false;
  }
  for (const json::Value& element : list.elements()) {
    json::Value id = element;
    if (with_hashes) {
      auto pair = element.elements().begin();
      if (pair == std::default_sentinel) {
        return false;
      }
      id = *pair;
      ++pair;
      if (pair == std::default_sentinel || !pair->is_object()) {
        return false;
      }
      ++pair;
      if (pair != std::default_sentinel) {
        return false;
      }
    }
    Text text;
    if (!read_text(text, id) || !detail::event_id_form(text.view())) {
      return false;
    }
    out.push_back(std::move(text));
    ++count;
  }
  return true;
}

/// Lays texts that are not in the bytes behind them, and tells where a text will stand.
class Layout {
 public:
  Layout(std::string_view canonical, std::string_view removed, std::uint32_t bytes_offset)
      : canonical_{canonical},
        removed_{removed},
        bytes_offset_{bytes_offset},
        bytes_length_{static_cast<std::uint32_t>(canonical.size() - removed.size())} {}

  /// Of text that lies within the canonical bytes.
  [[nodiscard]] ByteRange place(std::string_view text) const noexcept {
    if (text.data() == nullptr) {
      return {};
    }
    auto offset = static_cast<std::uint32_t>(text.data() - canonical_.data());
    if (!removed_.empty() && text.data() > removed_.data()) {
      offset -= static_cast<std::uint32_t>(removed_.size());
    }
    return {bytes_offset_ + offset, static_cast<std::uint32_t>(text.size())};
  }
  [[nodiscard]] ByteRange place(const Text& text) {
    return text.escaped ? append(text.plain) : place(text.in_bytes);
  }
  [[nodiscard]] ByteRange append(std::string_view text) {
    const auto offset = bytes_offset_ + bytes_length_ + static_cast<std::uint32_t>(extras_.size());
    extras_ += text;
    return {offset, static_cast<std::uint32_t>(text.size())};
  }
  [[nodiscard]] const std::string& extras() const noexcept { return extras_; }
  [[nodiscard]] std::uint32_t bytes_length() const noexcept { return bytes_length_; }

 private:
  std::string_view canonical_;
  std::string_view removed_;
  std::uint32_t bytes_offset_;
  std::uint32_t bytes_length_;
  std::string extras_;
};

/// The member with the comma that goes with it.
[[nodiscard]] std::string_view with_comma(std::string_view canonical, std::string_view member) noexcept {
  if (member.empty()) {
    return {};
  }
  const auto begin = static_cast<std::size_t>(member.data() - canonical.data());
  if (begin > 1) {
    return canonical.substr(begin - 1, member.size() + 1);
  }
  return canonical.substr(begin, member.size() + (canonical[begin + member.size()] == ',' ? 1U : 0U));
}

void put_varint(std::string& out, std::uint64_t number) {
  while (number >= 0x80) {
    out += static_cast<char>(number | 0x80U);
    number >>= 7U;
  }
  out += static_cast<char>(number);
}

bool get_varint(std::string_view& in, std::uint64_t& number) noexcept {
  number = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    number |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) {
      return true;
    }
  }
  return false;
}

[[nodiscard]] std::uint64_t zigzag(std::int64_t number) noexcept {
  return (static_cast<std::uint64_t>(number) << 1U) ^ static_cast<std::uint64_t>(number >> 63U);
}

[[nodiscard]] std::int64_t unzigzag(std::uint64_t number) noexcept {
  return static_cast<std::int64_t>((number >> 1U) ^ (~(number & 1U) + 1U));
}

constexpr char kHeaderFormat = 1;
constexpr std::uint8_t kHasStateKey = 1;
constexpr std::uint8_t kHasRedacts = 2;

}  // namespace

namespace detail {

std::vector<json::Member> top_level(std::string_view canonical) {
  std::vector<json::Member> members;
  members.reserve(20);
  for (const json::Member& member : json::Value{canonical}.members()) {
    members.push_back(member);
  }
  return members;
}

crypto::Sha256Digest content_hash_of(std::string_view canonical, const std::vector<json::Member>& members) {
  // Members stand side by side, so all but the three that are left out go to the hash in a few long runs.
  crypto::Sha256 hash;
  const char* run = canonical.data();
  bool first = true;
  for (const json::Member& member : members) {
    if (!member.key.equals("hashes") && !member.key.equals("signatures") && !member.key.equals("unsigned")) {
      if (first && run == nullptr) {
        // What opened the object has been left out with the member behind it.
        hash.update("{");
        run = member.bytes.data();
      }
      first = false;
      continue;
    }
    const char* begin = member.bytes.data();
    const char* end = begin + member.bytes.size();
    if (first) {
      run = nullptr;
      continue;
    }
    // The comma before the member goes with it.
    if (run < begin - 1) {
      hash.update({run, static_cast<std::size_t>(begin - 1 - run)});
    }
    run = end;
  }
  const char* end = canonical.data() + canonical.size();
  if (run == nullptr) {
    hash.update("{}");
  } else {
    hash.update({run, static_cast<std::size_t>(end - run)});
  }
  return hash.finish();
}

json::ScanOptions scan_options(const RoomVersion& version) noexcept {
  return {.numbers = version.strict_canonical_json ? json::Numbers::kIntegers : json::Numbers::kAny,
          .max_bytes = kMaxReceivedBytes,
          .require_object = true};
}

}  // namespace detail

std::string describe(const EventError& error) {
  switch (error.code) {
    case EventErrorCode::kJson:
      return fmt::format("{} at byte {}", json::describe(error.json.code), error.json.offset);
    case EventErrorCode::kTooLarge:
      return fmt::format("the event is larger than {} bytes", kMaxEventBytes);
    case EventErrorCode::kMissingField:
      return fmt::format("the event has no {}", error.field);
    case EventErrorCode::kBadField:
      return fmt::format("the event's {} is malformed", error.field);
    case EventErrorCode::kFieldTooLong:
      return fmt::format("the event's {} is longer than {} bytes", error.field, kMaxFieldBytes);
    case EventErrorCode::kTooManyReferences:
      return fmt::format("the event has too many {}", error.field);
    case EventErrorCode::kBadHeader:
      return "the stored header does not fit the event's bytes";
  }
  return "the event is malformed";
}

Event::Event(Key) noexcept {}

Event::~Event() = default;

std::shared_ptr<Event> EventAccess::make() {
  return std::make_shared<Event>(Event::Key{});
}

std::expected<EventAccess::Assembled, EventError> EventAccess::assemble(std::string_view canonical,
                                                                        const RoomVersion& version,
                                                                        const AssembleOptions& options) {
  const std::vector<json::Member> members = detail::top_level(canonical);
  const Fields fields = find_fields(members);

  const auto require = [](const json::Value& value, json::Kind kind,
                          std::string_view name) -> std::expected<void, EventError> {
    if (!value) {
      return fault(EventErrorCode::kMissingField, name);
    }
    if (value.kind() != kind) {
      return fault(EventErrorCode::kBadField, name);
    }
    return {};
  };
  const struct {
    const json::Value& value;
    json::Kind kind;
    std::string_view name;
  } required[] = {
      {fields.type, json::Kind::kString, "type"},
      {fields.sender, json::Kind::kString, "sender"},
      {fields.content, json::Kind::kObject, "content"},
      {fields.origin_server_ts, json::Kind::kNumber, "origin_server_ts"},
      {fields.depth, json::Kind::kNumber, "depth"},
      {fields.prev_events, json::Kind::kArray, "prev_events"},
      {fields.auth_events, json::Kind::kArray, "auth_events"},
      {fields.hashes, json::Kind::kObject, "hashes"},
      {fields.signatures, json::Kind::kObject, "signatures"},
  };
  for (const auto& field : required) {
    if (auto found = require(field.value, field.kind, field.name); !found) {
      return std::unexpected(found.error());
    }
  }

  const bool in_bytes = version.strict_byte_limits || options.strict_byte_limits;
  Text type, sender, room_id, event_id, state_key, redacts;
  if (!read_text(type, fields.type)) {
    return fault(EventErrorCode::kBadField, "type");
  }
  if (too_long(type.view(), in_bytes)) {
    return fault(EventErrorCode::kFieldTooLong, "type");
  }
  if (!read_text(sender, fields.sender) || !detail::user_id_form(sender.view())) {
    return fault(EventErrorCode::kBadField, "sender");
  }
  if (too_long(sender.view(), in_bytes)) {
    return fault(EventErrorCode::kFieldTooLong, "sender");
  }
  const bool room_id_follows = version.room_id_is_create_hash && type.view() == "m.room.create";
  if (!room_id_follows) {
    if (!fields.room_id) {
      return fault(EventErrorCode::kMissingField, "room_id");
    }
    if (!read_text(room_id, fields.room_id) || !detail::room_id_form(room_id.view()) ||
        (!version.room_id_is_create_hash && server_part(room_id.view()).empty())) {
      return fault(EventErrorCode::kBadField, "room_id");
    }
    if (too_long(room_id.view(), in_bytes)) {
      return fault(EventErrorCode::kFieldTooLong, "room_id");
    }
  }
  if (fields.state_key) {
    if (!read_text(state_key, fields.state_key)) {
      return fault(EventErrorCode::kBadField, "state_key");
    }
    if (too_long(state_key.view(), in_bytes)) {
      return fault(EventErrorCode::kFieldTooLong, "state_key");
    }
  }
  if (version.has_event_id_field()) {
    if (!fields.event_id) {
      return fault(EventErrorCode::kMissingField, "event_id");
    }
    if (!read_text(event_id, fields.event_id) || !detail::event_id_form(event_id.view()) ||
        server_part(event_id.view()).empty()) {
      return fault(EventErrorCode::kBadField, "event_id");
    }
    if (too_long(event_id.view(), in_bytes)) {
      return fault(EventErrorCode::kFieldTooLong, "event_id");
    }
  }
  const auto origin_server_ts = fields.origin_server_ts.as_int64();
  if (!origin_server_ts) {
    return fault(EventErrorCode::kBadField, "origin_server_ts");
  }
  const auto depth = fields.depth.as_int64();
  if (!depth || *depth < 0) {
    return fault(EventErrorCode::kBadField, "depth");
  }
  bool has_redacts = false;
  if (type.view() == "m.room.redaction") {
    has_redacts = read_text(redacts, version.redacts_in_content ? fields.content["redacts"] : fields.redacts);
  }

  std::vector<Text> references;
  references.reserve(8);
  std::size_t prev_count = 0;
  std::size_t auth_count = 0;
  if (!read_references(references, fields.prev_events, version.has_event_id_field(), prev_count)) {
    return fault(EventErrorCode::kBadField, "prev_events");
  }
  if (prev_count > kMaxPrevEvents) {
    return fault(EventErrorCode::kTooManyReferences, "prev_events");
  }
  if (!read_references(references, fields.auth_events, version.has_event_id_field(), auth_count)) {
    return fault(EventErrorCode::kBadField, "auth_events");
  }
  if (auth_count > kMaxAuthEvents) {
    return fault(EventErrorCode::kTooManyReferences, "auth_events");
  }

  const std::string_view removed =
      options.keep_unsigned ? std::string_view{} : with_comma(canonical, fields.unsigned_member);
  if (canonical.size() - removed.size() > kMaxEventBytes) {
    return fault(EventErrorCode::kTooLarge, {});
  }

  Assembled result;
  if (options.check_content_hash) {
    crypto::Sha256Digest claimed{};
    const auto text = fields.hashes["sha256"].as_plain_string();
    if (!text || !crypto::base64_decode_to(claimed, *text)) {
      return fault(EventErrorCode::kBadField, "hashes");
    }
    result.content_hash_fits = claimed == detail::content_hash_of(canonical, members);
  }

  const auto bytes_offset = static_cast<std::uint32_t>(references.size() * sizeof(ByteRange));
  Layout layout{canonical, removed, bytes_offset};
  result.event = make();
  Event& event = *result.event;
  event.version_ = &version;
  event.bytes_offset_ = bytes_offset;
  event.bytes_length_ = layout.bytes_length();
  event.prev_count_ = static_cast<std::uint16_t>(prev_count);
  event.auth_count_ = static_cast<std::uint16_t>(auth_count);
  event.type_ = layout.place(type);
  event.sender_ = layout.place(sender);
  if (fields.state_key) {
    event.has_state_key_ = true;
    event.state_key_ = layout.place(state_key);
  }
  if (has_redacts) {
    event.has_redacts_ = true;
    event.redacts_ = layout.place(redacts);
  }
  event.content_ = layout.place(fields.content.bytes());
  event.signatures_ = layout.place(fields.signatures.bytes());
  event.hashes_ = layout.place(fields.hashes.bytes());
  if (options.keep_unsigned && fields.unsigned_data) {
    event.unsigned_ = layout.place(fields.unsigned_data.bytes());
  }
  event.origin_server_ts_ = *origin_server_ts;
  event.depth_ = *depth;
  if (version.has_event_id_field()) {
    event.event_id_ = layout.place(event_id);
  } else {
    std::string redacted;
    redacted.reserve(canonical.size());
    detail::append_redacted(redacted, members, type.view(), version, false);
    std::string id{"$"};
    crypto::base64_append(id, crypto::sha256(redacted),
                          version.event_id_format == EventIdFormat::kBase64 ? crypto::Base64::kStandard
                                                                            : crypto::Base64::kUrlSafe);
    event.event_id_ = layout.append(id);
    if (room_id_follows) {
      id[0] = '!';
      event.room_id_ = layout.append(id);
    }
  }
  if (!room_id_follows) {
    event.room_id_ = layout.place(room_id);
  }
  std::vector<ByteRange> ranges;
  ranges.reserve(references.size());
  for (const Text& reference : references) {
    ranges.push_back(layout.place(reference));
  }

  const std::size_t size = bytes_offset + layout.bytes_length() + layout.extras().size();
  event.data_size_ = static_cast<std::uint32_t>(size);
  event.data_ = std::make_unique_for_overwrite<char[]>(size);
  char* to = event.data_.get();
  if (!ranges.empty()) {
    std::memcpy(to, ranges.data(), bytes_offset);
  }
  to += bytes_offset;
  const std::size_t before =
      removed.empty() ? canonical.size() : static_cast<std::size_t>(removed.data() - canonical.data());
  std::memcpy(to, canonical.data(), before);
  const std::size_t after = before + removed.size();
  std::memcpy(to + before, canonical.data() + after, canonical.size() - after);
  std::memcpy(to + layout.bytes_length(), layout.extras().data(), layout.extras().size());
  return result;
}

std::expected<ParsedEvent, EventError> Event::parse(std::string_view bytes, const RoomVersion& version,
                                                    const ParseOptions& options) {
  std::string canonical;
  canonical.reserve(bytes.size());
  if (auto done = json::canonicalise_to(canonical, bytes, detail::scan_options(version)); !done) {
    const EventErrorCode code =
        done.error().code == json::ErrorCode::kTooLarge ? EventErrorCode::kTooLarge : EventErrorCode::kJson;
    return std::unexpected(EventError{code, {}, done.error()});
  }
  auto assembled = EventAccess::assemble(
      canonical, version, {.keep_unsigned = options.keep_unsigned, .check_content_hash = !options.trusted});
  if (!assembled) {
    return std::unexpected(assembled.error());
  }
  if (options.trusted || assembled->content_hash_fits) {
    return ParsedEvent{std::move(assembled->event), false};
  }
  return ParsedEvent{redact(*assembled->event), true};
}

std::expected<EventPtr, EventError> Event::restore(std::string_view bytes, std::string_view header,
                                                   const RoomVersion& version) {
  return EventAccess::restore(bytes, header, version);
}

std::string Event::header() const {
  return EventAccess::header(*this);
}

std::string EventAccess::header(const Event& event) {
  std::string out;
  out.reserve(120);
  out += kHeaderFormat;
  out +=
      static_cast<char>((event.has_state_key_ ? kHasStateKey : 0) | (event.has_redacts_ ? kHasRedacts : 0));
  const auto put_range = [&](const ByteRange& range) {
    // Offsets count from the first of the bytes; an absent range is written as an empty one at 0.
    put_varint(out, range.offset == 0 && range.length == 0 ? 0 : range.offset - event.bytes_offset_);
    put_varint(out, range.length);
  };
  put_range(event.event_id_);
  put_range(event.room_id_);
  put_range(event.type_);
  put_range(event.sender_);
  if (event.has_state_key_) {
    put_range(event.state_key_);
  }
  if (event.has_redacts_) {
    put_range(event.redacts_);
  }
  put_range(event.content_);
  put_range(event.signatures_);
  put_range(event.hashes_);
  put_range(event.unsigned_);
  put_varint(out, zigzag(event.origin_server_ts_));
  put_varint(out, zigzag(event.depth_));
  put_varint(out, event.prev_count_);
  put_varint(out, event.auth_count_);
  const auto* ranges = reinterpret_cast<const ByteRange*>(event.data_.get());
  for (std::size_t i = 0; i < static_cast<std::size_t>(event.prev_count_) + event.auth_count_; ++i) {
    put_range(ranges[i]);
  }
  const std::size_t extras = event.bytes_offset_ + event.bytes_length_;
  out.append(event.data_.get() + extras, event.data_size_ - extras);
  return out;
}

std::expected<EventPtr, EventError> EventAccess::restore(std::string_view bytes, std::string_view header,
                                                         const RoomVersion& version) {
  const auto bad = [] { return fault(EventErrorCode::kBadHeader, {}); };
  if (header.size() < 2 || header[0] != kHeaderFormat || bytes.size() > kMaxReceivedBytes) {
    return bad();
  }
  const auto flags = static_cast<std::uint8_t>(header[1]);
  header.remove_prefix(2);
  auto event = make();
  event->version_ = &version;
  event->has_state_key_ = (flags & kHasStateKey) != 0;
  event->has_redacts_ = (flags & kHasRedacts) != 0;
  bool fine = true;
  const auto get = [&] {
    std::uint64_t number = 0;
    fine = fine && get_varint(header, number);
    return number;
  };
  // Ranges are shifted once the number of references, and so the place of the bytes, is known.
  std::vector<ByteRange*> to_shift;
  to_shift.reserve(40);
  const auto get_range = [&](ByteRange& range) {
    const std::uint64_t offset = get();
    const std::uint64_t length = get();
    // All texts together are no longer than the bytes and some ids; this bound keeps the sums below within 32
    // bits.
    fine = fine && offset <= 0x3FFFFFFF && length <= 0x3FFFFFFF;
    range = {static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(length)};
    to_shift.push_back(&range);
  };
  get_range(event->event_id_);
  get_range(event->room_id_);
  get_range(event->type_);
  get_range(event->sender_);
  if (event->has_state_key_) {
    get_range(event->state_key_);
  }
  if (event->has_redacts_) {
    get_range(event->redacts_);
  }
  get_range(event->content_);
  get_range(event->signatures_);
  get_range(event->hashes_);
  get_range(event->unsigned_);
  event->origin_server_ts_ = unzigzag(get());
  event->depth_ = unzigzag(get());
  const std::uint64_t prev_count = get();
  const std::uint64_t auth_count = get();
  if (!fine || prev_count > kMaxPrevEvents || auth_count > kMaxAuthEvents) {
    return bad();
  }
  std::vector<ByteRange> references(prev_count + auth_count);
  for (ByteRange& range : references) {
    get_range(range);
  }
  if (!fine) {
    return bad();
  }
  const std::string_view extras = header;
  const auto bytes_offset = static_cast<std::uint32_t>(references.size() * sizeof(ByteRange));
  const std::size_t text_size = bytes.size() + extras.size();
  for (ByteRange* range : to_shift) {
    if (static_cast<std::size_t>(range->offset) + range->length > text_size) {
      return bad();
    }
    if (range->length != 0 || range->offset != 0) {
      range->offset += bytes_offset;
    }
  }
  event->bytes_offset_ = bytes_offset;
  event->bytes_length_ = static_cast<std::uint32_t>(bytes.size());
  event->prev_count_ = static_cast<std::uint16_t>(prev_count);
  event->auth_count_ = static_cast<std::uint16_t>(auth_count);
  event->data_size_ = static_cast<std::uint32_t>(bytes_offset + text_size);
  event->data_ = std::make_unique_for_overwrite<char[]>(event->data_size_);
  char* to = event->data_.get();
  if (bytes_offset != 0) {
    std::memcpy(to, references.data(), bytes_offset);
  }
  std::memcpy(to + bytes_offset, bytes.data(), bytes.size());
  std::memcpy(to + bytes_offset + bytes.size(), extras.data(), extras.size());
  return event;
}

std::optional<std::string_view> Event::state_key() const noexcept {
  if (!has_state_key_) {
    return std::nullopt;
  }
  return at(state_key_);
}

bool Event::is_state(std::string_view type, std::string_view state_key) const noexcept {
  return has_state_key_ && at(type_) == type && at(state_key_) == state_key;
}

json::Value Event::content() const noexcept {
  return json::Value{at(content_)};
}

std::optional<std::string_view> Event::redacts() const noexcept {
  if (!has_redacts_) {
    return std::nullopt;
  }
  return at(redacts_);
}

EventReferences Event::prev_events() const noexcept {
  return {data_.get(), {reinterpret_cast<const ByteRange*>(data_.get()), prev_count_}};
}

EventReferences Event::auth_events() const noexcept {
  return {data_.get(), {reinterpret_cast<const ByteRange*>(data_.get()) + prev_count_, auth_count_}};
}

json::Value Event::signatures() const noexcept {
  return json::Value{at(signatures_)};
}

json::Value Event::hashes() const noexcept {
  return json::Value{at(hashes_)};
}

json::Value Event::unsigned_data() const noexcept {
  return unsigned_.empty() ? json::Value{} : json::Value{at(unsigned_)};
}

json::Value Event::field(std::string_view name) const noexcept {
  return json()[name];
}

json::Value Event::json() const noexcept {
  return json::Value{bytes()};
}

EventId Event::typed_event_id() const {
  return EventId{std::string{event_id()}};
}

RoomId Event::typed_room_id() const {
  const std::string_view id = room_id();
  const std::size_t colon = id.find(':');
  return RoomId{std::string{id}, static_cast<std::uint16_t>(colon == std::string_view::npos ? 0 : colon)};
}

UserId Event::typed_sender() const {
  return UserId{std::string{sender()}, static_cast<std::uint16_t>(sender().find(':'))};
}

std::optional<std::string> Event::create_event_id() const {
  if (!version_->room_id_is_create_hash) {
    return std::nullopt;
  }
  std::string id{room_id()};
  id[0] = '$';
  return id;
}

std::size_t Event::memory_bytes() const noexcept {
  // The control block of make_shared: a vtable pointer and two counters.
  return sizeof(Event) + 16 + data_size_;
}

EventPtr redact(const Event& event) {
  std::string redacted;
  redacted.reserve(event.bytes().size());
  detail::append_redacted(redacted, detail::top_level(event.bytes()), event.type(), event.version(), true);
  auto assembled = EventAccess::assemble(redacted, event.version(), {.check_content_hash = false});
  // Redaction keeps every field that an event must have, as it was.
  return assembled ? EventPtr{std::move(assembled->event)} : EventPtr{};
}

crypto::Sha256Digest content_hash(const Event& event) {
  return detail::content_hash_of(event.bytes(), detail::top_level(event.bytes()));
}

std::string signed_bytes(const Event& event) {
  std::string redacted;
  redacted.reserve(event.bytes().size());
  detail::append_redacted(redacted, detail::top_level(event.bytes()), event.type(), event.version(), false);
  return redacted;
}

crypto::Sha256Digest reference_hash(const Event& event) {
  return crypto::sha256(signed_bytes(event));
}

std::string redact_object(std::string_view object, const RoomVersion& version) {
  const std::vector<json::Member> members = detail::top_level(object);
  std::string type;
  for (const json::Member& member : members) {
    if (member.key.equals("type")) {
      type = member.value.to_string().value_or("");
    }
  }
  std::string redacted;
  redacted.reserve(object.size());
  detail::append_redacted(redacted, members, type, version, true);
  return redacted;
}

}  // namespace lares::matrix
