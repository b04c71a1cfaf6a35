// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/crypto/ed25519.hpp>
#include <lares/crypto/hash.hpp>
#include <lares/json/scanner.hpp>
#include <lares/json/value.hpp>
#include <lares/matrix/identifiers.hpp>
#include <lares/matrix/room_version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {

/// Largest event in federation form, signatures included, in bytes of canonical JSON.
///
/// spec: Client-Server API, "Size limits"
inline constexpr std::size_t kMaxEventBytes = 65536;
/// Longest `type`, `state_key`, `sender`, `room_id` and `event_id`.
inline constexpr std::size_t kMaxFieldBytes = 255;
/// Most `prev_events` an event may have. spec: Server-Server API, "PDUs"
inline constexpr std::size_t kMaxPrevEvents = 20;
/// Most `auth_events` an event may have. spec: Server-Server API, "PDUs"
inline constexpr std::size_t kMaxAuthEvents = 10;
/// Largest `depth`. spec: Server-Server API, "PDUs"
inline constexpr std::int64_t kMaxDepth = 9007199254740991;

enum class EventErrorCode : std::uint8_t {
  kJson,               ///< not JSON, or not as strict as the version asks; `json` has the details
  kTooLarge,           ///< more than kMaxEventBytes
  kMissingField,       ///< `field` is required
  kBadField,           ///< `field` has the wrong type or form
  kFieldTooLong,       ///< `field` is longer than kMaxFieldBytes
  kTooManyReferences,  ///< `field` (prev_events, auth_events) has too many entries
  kBadHeader,          ///< a stored header does not fit its bytes
};

/// Why bytes or a draft are no event.
struct EventError {
  EventErrorCode code{};
  /// The field it is about: a literal, empty when it is the whole event.
  std::string_view field;
  /// With kJson.
  json::Error json{};
};

/// An English sentence without a full stop.
[[nodiscard]] LARES_EXPORT std::string describe(const EventError& error);

class Event;
/// How events are held and passed on: immutable and shared.
using EventPtr = std::shared_ptr<const Event>;

/// What a range of an event's bytes is.
struct ByteRange {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;

  [[nodiscard]] bool empty() const noexcept { return length == 0; }
  bool operator==(const ByteRange&) const = default;
};

/// The ids of an event's prev_events or auth_events, in the order of the event: a random-access range of
/// string_view.
///
/// **Lifetime** that of the event.
class EventReferences {
 public:
  class iterator {
   public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using reference = std::string_view;
    using iterator_category = std::input_iterator_tag;
    using iterator_concept = std::forward_iterator_tag;

    iterator() = default;
    iterator(const char* base, const ByteRange* at) noexcept : base_{base}, at_{at} {}
    std::string_view operator*() const noexcept { return {base_ + at_->offset, at_->length}; }
    iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    iterator operator++(int) noexcept {
      iterator before = *this;
      ++at_;
      return before;
    }
    bool operator==(const iterator&) const = default;

   private:
    const char* base_ = nullptr;
    const ByteRange* at_ = nullptr;
  };

  EventReferences() = default;
  EventReferences(const char* base, std::span<const ByteRange> ranges) noexcept
      : base_{base}, ranges_{ranges} {}

  [[nodiscard]] iterator begin() const noexcept { return {base_, ranges_.data()}; }
  [[nodiscard]] iterator end() const noexcept { return {base_, ranges_.data() + ranges_.size()}; }
  [[nodiscard]] std::size_t size() const noexcept { return ranges_.size(); }
  [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }
  [[nodiscard]] std::string_view operator[](std::size_t index) const noexcept {
    return {base_ + ranges_[index].offset, ranges_[index].length};
  }

 private:
  const char* base_ = nullptr;
  std::span<const ByteRange> ranges_;
};

/// How Event::parse treats what came.
struct ParseOptions {
  /// Keep `unsigned` as received. Nobody has signed it, so it goes unless the caller knows the sender's
  /// reason for it.
  bool keep_unsigned = false;
  /// Do not compare the content hash. For bytes out of our own database.
  bool trusted = false;
};

/// What Event::parse gives.
struct ParsedEvent {
  EventPtr event;
  /// The content hash did not fit, so `event` is the redacted form of what was received.
  ///
  /// spec: Server-Server API, "Calculating the content hash for an event"
  bool redacted_for_hash = false;
};

/// An event of a room: parsed once, checked for form, and immutable.
///
/// It holds the canonical bytes that were hashed and signed, and where in them each field stands; reading a
/// field copies nothing. What the server thinks of the event (rejected, soft-failed, outlier, its place in
/// the streams) is no part of the value. Texts that had escapes are kept once more in plain form, so every
/// text below is the real one.
///
/// **Threads** immutable, so any.
/// **Lifetime** views that its functions give live as long as the event.
///
/// spec: Server-Server API, "PDUs"; Room Versions, "Event format"
class LARES_EXPORT Event {
 public:
  /// Reads an event as another server sent it: strict JSON for its version, canonical form, the fields that
  /// its version requires with their types, sizes and limits; then the content hash, and the reference hash
  /// that is its id. Signatures are checked by verify_event_signatures, and nothing is authorised here.
  [[nodiscard]] static std::expected<ParsedEvent, EventError> parse(std::string_view bytes,
                                                                    const RoomVersion& version,
                                                                    const ParseOptions& options = {});

  /// Takes up an event that was stored: `bytes` and `header` as bytes() and header() gave them. Nothing is
  /// parsed or hashed, but ranges are checked against the bytes.
  [[nodiscard]] static std::expected<EventPtr, EventError> restore(std::string_view bytes,
                                                                   std::string_view header,
                                                                   const RoomVersion& version);

  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event();

  [[nodiscard]] const RoomVersion& version() const noexcept { return *version_; }
  /// The canonical bytes in federation form.
  [[nodiscard]] std::string_view bytes() const noexcept {
    return {data_.get() + bytes_offset_, bytes_length_};
  }
  /// What restore needs beside the bytes: ids and offsets, 60 to 120 bytes. Its first byte is a format
  /// version.
  [[nodiscard]] std::string header() const;

  /// The event's id; in a random-id version the one it carries, else its reference hash.
  [[nodiscard]] std::string_view event_id() const noexcept { return at(event_id_); }
  /// The room's id; for a create event of a version whose room ids are hashes, the one that follows from it.
  [[nodiscard]] std::string_view room_id() const noexcept { return at(room_id_); }
  [[nodiscard]] std::string_view type() const noexcept { return at(type_); }
  [[nodiscard]] std::string_view sender() const noexcept { return at(sender_); }
  /// The server part of the sender.
  [[nodiscard]] std::string_view sender_server() const noexcept { return server_part(sender()); }
  [[nodiscard]] std::optional<std::string_view> state_key() const noexcept;
  [[nodiscard]] bool is_state() const noexcept { return has_state_key_; }
  /// Whether the event is of this type with this state key.
  [[nodiscard]] bool is_state(std::string_view type, std::string_view state_key) const noexcept;
  /// Milliseconds since the epoch, as the sender claims.
  [[nodiscard]] std::int64_t origin_server_ts() const noexcept { return origin_server_ts_; }
  /// As the sender claims: a hint.
  [[nodiscard]] std::int64_t depth() const noexcept { return depth_; }
  [[nodiscard]] json::Value content() const noexcept;
  /// What a redaction is to redact, wherever its version keeps it; nothing when this is no m.room.redaction.
  [[nodiscard]] std::optional<std::string_view> redacts() const noexcept;
  [[nodiscard]] EventReferences prev_events() const noexcept;
  [[nodiscard]] EventReferences auth_events() const noexcept;
  [[nodiscard]] json::Value signatures() const noexcept;
  [[nodiscard]] json::Value hashes() const noexcept;
  /// What is kept of `unsigned`; missing as a rule.
  [[nodiscard]] json::Value unsigned_data() const noexcept;
  /// Any top-level field, by walking.
  [[nodiscard]] json::Value field(std::string_view name) const noexcept;
  /// The whole event.
  [[nodiscard]] json::Value json() const noexcept;

  /// The typed forms; each copies its text.
  [[nodiscard]] EventId typed_event_id() const;
  [[nodiscard]] RoomId typed_room_id() const;
  [[nodiscard]] UserId typed_sender() const;

  /// The id of the create event of a room whose id is its hash (`!x` gives `$x`); nothing in other versions.
  [[nodiscard]] std::optional<std::string> create_event_id() const;

  /// Bytes that this event takes in memory, itself included.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  friend struct EventAccess;
  struct Key {};

 public:
  /// For std::make_shared only; the key cannot be made outside.
  explicit Event(Key) noexcept;

 private:
  [[nodiscard]] std::string_view at(const ByteRange& range) const noexcept {
    return {data_.get() + range.offset, range.length};
  }

  const RoomVersion* version_ = nullptr;
  // One block: the reference ranges, the canonical bytes, then texts that do not stand in the bytes as they
  // are.
  std::unique_ptr<char[]> data_;
  std::uint32_t data_size_ = 0;
  std::uint32_t bytes_offset_ = 0;
  std::uint32_t bytes_length_ = 0;
  std::uint16_t prev_count_ = 0;
  std::uint16_t auth_count_ = 0;
  ByteRange event_id_;
  ByteRange room_id_;
  ByteRange type_;
  ByteRange sender_;
  ByteRange state_key_;
  ByteRange redacts_;
  ByteRange content_;
  ByteRange signatures_;
  ByteRange hashes_;
  ByteRange unsigned_;
  std::int64_t origin_server_ts_ = 0;
  std::int64_t depth_ = 0;
  bool has_state_key_ = false;
  bool has_redacts_ = false;
};

/// A reference to an event from a draft. Room versions 1 and 2 write the hash beside the id, later ones the
/// id alone.
struct EventReference {
  std::string event_id;
  crypto::Sha256Digest reference_hash{};

  EventReference() = default;
  /// From an event, hash and all.
  LARES_EXPORT explicit EventReference(const Event& event);
  /// From an id; enough from room version 3 on, where the id is the hash.
  explicit EventReference(std::string id) : event_id{std::move(id)} {}
};

/// An event before it is hashed and signed: what a local user or the server wants to say, and its place in
/// the graph.
struct EventDraft {
  std::string type;
  std::optional<std::string> state_key;
  std::string sender;
  /// Left out in a create event of a version whose room ids are hashes.
  std::optional<std::string> room_id;
  /// A JSON object in any form.
  std::string content = "{}";
  /// Of a redaction; build_event puts it where the version keeps it.
  std::optional<std::string> redacts;
  /// Milliseconds since the epoch.
  std::int64_t origin_server_ts = 0;
  std::int64_t depth = 0;
  std::vector<EventReference> prev_events;
  std::vector<EventReference> auth_events;
  /// The id of a version with random ids (see random_event_id); else left out.
  std::optional<std::string> event_id;
};

/// Makes the event of a draft: canonical content, content hash, signature by `server` with `key`, id. The
/// result is held to the same limits as a received one, and to the limits in bytes in every version.
[[nodiscard]] LARES_EXPORT std::expected<EventPtr, EventError> build_event(const EventDraft& draft,
                                                                           const RoomVersion& version,
                                                                           const ServerName& server,
                                                                           const crypto::SigningKey& key);

/// The draft as an event without signature, to ask authorise() about it before time is spent on signing.
/// Hashes are in place, so its id is the final one; add_signature makes it whole.
[[nodiscard]] LARES_EXPORT std::expected<EventPtr, EventError> build_unsigned(const EventDraft& draft,
                                                                              const RoomVersion& version);

/// Makes the event of a form that another server sent as a template (make_join and its kin) and a local
/// client or we filled in: any JSON object with the federation fields but hashes, signatures and id.
[[nodiscard]] LARES_EXPORT std::expected<EventPtr, EventError> build_event_from_template(
    std::string_view object, const RoomVersion& version, const ServerName& server,
    const crypto::SigningKey& key);

/// Hashes and signs an object as an event of a version without asking that it be a whole one: sets `hashes`
/// and adds to `signatures`. For tools, and the specification's vectors.
///
/// spec: Server-Server API, "Signing Events"
[[nodiscard]] LARES_EXPORT std::expected<std::string, EventError> sign_event_object(
    std::string_view object, const RoomVersion& version, std::string_view server,
    const crypto::SigningKey& key);

/// Adds a signature to an event (an authorising server to a restricted join, a remote server to an invite).
/// The id stays.
[[nodiscard]] LARES_EXPORT std::expected<EventPtr, EventError> add_signature(const Event& event,
                                                                             const ServerName& server,
                                                                             const crypto::SigningKey& key);

/// An id for an event of room versions 1 and 2: `$18 random letters:server`.
[[nodiscard]] LARES_EXPORT std::string random_event_id(crypto::RandomSource& random,
                                                       const ServerName& server);

/// The event with everything removed that its version's redaction algorithm removes. Its id, hashes and
/// signatures stay, so its signatures still verify. A redacted event is its own redaction.
///
/// spec: Room Versions, "Redactions"
[[nodiscard]] LARES_EXPORT EventPtr redact(const Event& event);

/// SHA-256 of the event without `unsigned`, `signatures` and `hashes`.
[[nodiscard]] LARES_EXPORT crypto::Sha256Digest content_hash(const Event& event);

/// SHA-256 of the redacted event without `signatures`, `age_ts` and `unsigned`.
[[nodiscard]] LARES_EXPORT crypto::Sha256Digest reference_hash(const Event& event);

/// The bytes that signatures of the event cover: its redacted form without `signatures` and `unsigned`.
[[nodiscard]] LARES_EXPORT std::string signed_bytes(const Event& event);

/// The redacted form of an object that is no Event: canonical JSON of an event in federation form, of which
/// nothing but `type` is expected to be there.
[[nodiscard]] LARES_EXPORT std::string redact_object(std::string_view object, const RoomVersion& version);

}  // namespace lares::matrix
