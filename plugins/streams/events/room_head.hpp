// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/crypto/ed25519.hpp>
#include <lares/crypto/hash.hpp>
#include <lares/matrix/event.hpp>
#include <lares/matrix/event_auth.hpp>
#include <lares/matrix/state_map.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/service/stored_event.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "relation.hpp"
#include "schema.hpp"
#include "state_blocks.hpp"

namespace lares::events {

/// An event that nothing follows yet.
struct Extremity {
  std::int64_t number = 0;
  std::int64_t depth = 0;
  std::string event_id;
  /// In versions 1 and 2, where an event that follows names it beside the id.
  std::optional<crypto::Sha256Digest> reference_hash = {};
};

/// An event of the room's current state, and its number. A null event says that the state certainly has none.
struct StateEntry {
  matrix::EventPtr event;
  std::int64_t number = 0;
};

/// What a new event needs from outside its room: numbers that were committed before.
struct Interned {
  std::int64_t event = 0;  ///< fresh
  std::int64_t sender = 0;
  std::int64_t state_key = 0;  ///< of a state event
  std::int64_t member = 0;     ///< of m.room.member: the user in the state key
};

/// A state entry that a redaction names, or a message: what is known of the event to be redacted.
struct RedactionTarget {
  matrix::EventPtr event;
  std::int64_t number = 0;
  std::int64_t position = 0;
};

/// One event, authorised, hashed and signed on top of what came before it; not yet committed.
struct PreparedEvent {
  std::shared_ptr<service::StoredEvent> stored;
  std::int64_t state_key = 0;  ///< 0 where it is no state event
  std::int64_t member = 0;
  MembershipCode membership = MembershipCode::kLeave;
  std::int64_t redacts = 0;  ///< number of the event that it redacts, once it may
  std::int64_t redacts_position = 0;
  std::optional<StoredRelation> relation = {};
  bool forgotten = false;      ///< by the member, with this very event
  bool received = false;       ///< from another server: what it names may be missing here
  bool placed = false;         ///< its row is there, as an outlier's, and gets its place now
  bool partial_state = false;  ///< the state before it may be replaced yet
};

/// What was found out about an event of another server.
enum class Verdict : std::uint8_t { kSoftFailed, kRejected };

/// What committing a prepared write leaves in `room_heads`.
struct HeadRow {
  std::int64_t state = 0;
  std::int64_t next_block = 1;
  std::string extremities;
};

/// A room as its writer has it in memory: what the next event is built on, including what is not committed
/// yet. Nobody but the writer sees it.
///
/// **Threads**: one at a time.
class RoomHead {
 public:
  RoomHead(std::int64_t room, matrix::RoomId id, const matrix::RoomVersion& version);
  /// From a row of `room_heads`; extremities are filled in by the loader.
  RoomHead(std::int64_t room, matrix::RoomId id, const matrix::RoomVersion& version, std::int64_t state_root,
           std::int64_t next_block, std::vector<Extremity> extremities);
  RoomHead(const RoomHead&) = delete;
  RoomHead& operator=(const RoomHead&) = delete;

  [[nodiscard]] std::int64_t room() const noexcept { return room_; }
  [[nodiscard]] const matrix::RoomId& id() const noexcept { return id_; }
  [[nodiscard]] const matrix::RoomVersion& version() const noexcept { return *version_; }
  [[nodiscard]] bool exists() const noexcept { return !extremities_.empty(); }

  /// The entry, if it is at hand.
  [[nodiscard]] const StateEntry* find(std::string_view type, std::string_view state_key) const;
  /// Puts in what was loaded; an entry that is there stays, since it is newer than the database.
  void learn(std::string_view type, std::string_view state_key, StateEntry entry);

  /// The state, for the loader: it looks up what is not at hand, and loads what a state event will change.
  [[nodiscard]] const matrix::StateMap& state() const noexcept { return state_; }

  /// Builds the event on top of the head, holds it to the rules and moves the head on. The entries that
  /// authorise it must be at hand, and for a state event the path to its entry loaded.
  /// **Errors**: MatrixError; the head is unchanged then.
  PreparedEvent append(const service::NewEvent& event, const Interned& numbers, const RedactionTarget* target,
                       std::int64_t now_ts, const matrix::ServerName& server, const crypto::SigningKey& key);
  /// The same for a create event that was built before, because its hash is the room's id.
  PreparedEvent append_built(matrix::EventPtr event, const Interned& numbers, const RedactionTarget* target);

  /// Takes up an event that others may refer to and that is not built upon here: it has a state, and the head
  /// stays as it is. `before` is the state before it, of which the path to its entry is loaded.
  PreparedEvent append_aside(matrix::EventPtr event, const Interned& numbers, const matrix::StateMap& before,
                             Verdict verdict);

  /// Holds the event to the rules without building it on the head: before numbers are given to its texts.
  /// **Errors**: MatrixError.
  void check(const service::NewEvent& event, std::int64_t now_ts) const;
  /// The event in force that says the same as `event` in the same place by the same sender, or null.
  [[nodiscard]] const StateEntry* same_state(const service::NewEvent& event) const;

  /// Marks the head, so that the events of one request go in all or none.
  void mark();
  /// Takes back what was appended since the mark.
  void back_to_mark();

  /// The root of a state of this room; its new nodes are among `take_new_blocks`.
  std::int64_t save(const matrix::StateMap& state);

  /// What is to be stored with everything appended so far.
  [[nodiscard]] HeadRow row() const;
  /// The blocks of state that `append` made since the last call.
  [[nodiscard]] std::vector<matrix::StateBlock> take_new_blocks() noexcept {
    return std::exchange(new_blocks_, {});
  }

  /// Bytes that the entries take, about; for the common bound.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return memory_bytes_; }

 private:
  void put(std::string_view type, std::string_view state_key, StateEntry entry);
  [[nodiscard]] matrix::EventDraft draft_of(const service::NewEvent& event, std::int64_t now_ts) const;
  void authorise(const matrix::Event& event) const;
  void check_may_redact(const matrix::Event& redaction, const matrix::Event& target) const;
  void redact_entry(const RedactionTarget& target);

  struct Key {
    std::string type;
    std::string state_key;
  };
  struct KeyView {
    std::string_view type;
    std::string_view state_key;
  };
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const KeyView& key) const noexcept;
    std::size_t operator()(const Key& key) const noexcept {
      return (*this)(KeyView{key.type, key.state_key});
    }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const noexcept {
      return std::string_view{a.type} == std::string_view{b.type} &&
             std::string_view{a.state_key} == std::string_view{b.state_key};
    }
  };

  std::int64_t room_;
  matrix::RoomId id_;
  const matrix::RoomVersion* version_;
  std::int64_t next_block_ = 1;
  std::vector<matrix::StateBlock> new_blocks_;
  matrix::StateMap state_;
  std::int64_t state_root_ = 0;
  std::vector<Extremity> extremities_;
  std::unordered_map<Key, StateEntry, KeyHash, KeyEqual> entries_;
  struct Mark {
    matrix::StateMap state;
    std::int64_t state_root = 0;
    std::vector<Extremity> extremities;
    std::int64_t next_block = 1;
    std::size_t new_blocks = 0;
    std::vector<std::pair<Key, std::optional<StateEntry>>>
        former;  // of entries that were replaced, oldest first
  };
  std::optional<Mark> mark_;
  std::size_t memory_bytes_ = 0;
};

/// Extremities as `room_heads` keeps them, and back; empty for bytes that are none.
[[nodiscard]] std::string encode_extremities(std::span<const Extremity> extremities);
[[nodiscard]] std::optional<std::vector<Extremity>> decode_extremities(std::string_view bytes);
/// How many there are.
[[nodiscard]] std::size_t count_extremities(std::string_view bytes) noexcept;

/// A create event's id is the room's in versions whose room ids are hashes: built before there is a head.
[[nodiscard]] matrix::EventPtr build_create_event(const service::NewEvent& event,
                                                  const matrix::RoomVersion& version,
                                                  std::optional<std::string> room_id, std::int64_t now_ts,
                                                  const matrix::ServerName& server,
                                                  const crypto::SigningKey& key);

}  // namespace lares::events
