// SPDX-License-Identifier: Apache-2.0
#include "room_head.hpp"

#include <lares/crypto/base64.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/json/canonical.hpp>
#include <lares/matrix/power_levels.hpp>

#include <algorithm>
#include <charconv>
#include <functional>

namespace lares::events {

using matrix::EventPtr;
using service::NewEvent;

namespace {

// More are allowed, but a client's event need not tie all of a torn room together at once; the rest follow
// with the next.
constexpr std::size_t kPrevEventsOfOurs = 10;

constexpr std::size_t kEntryBytes = 128;

std::size_t bytes_of(const StateEntry& entry) {
  return entry.event ? entry.event->memory_bytes() : 0;
}

// In versions 1 and 2 the sender's server makes the id. No two of its events agree in all of this: one
// follows the other.
void name_event(matrix::EventDraft& draft, const matrix::UserId& sender, const matrix::RoomVersion& version) {
  if (!version.has_event_id_field()) {
    return;
  }
  crypto::Sha256 hash;
  const auto add = [&hash](std::string_view text) {
    hash.update(std::to_string(text.size())).update(" ").update(text);
  };
  add(draft.room_id.value_or(""));
  add(draft.type);
  add(draft.state_key.value_or(""));
  add(draft.sender);
  add(draft.content);
  add(draft.redacts.value_or(""));
  add(std::to_string(draft.origin_server_ts));
  for (const matrix::EventReference& prev : draft.prev_events) {
    add(prev.event_id);
  }
  draft.event_id = "$";
  crypto::base64_append(*draft.event_id, hash.finish(), crypto::Base64::kUrlSafe);
  *draft.event_id += ':';
  *draft.event_id += sender.server();
}

matrix::StateMap changed(const matrix::StateMap& state, const Interned& numbers) {
  auto next =
      state.with(static_cast<std::uint64_t>(numbers.state_key), static_cast<std::uint64_t>(numbers.event));
  if (!next) {
    throw http::unavailable("The room's state could not be read.")
        .because(matrix::describe(next.error().code));
  }
  return std::move(*next);
}

http::MatrixError event_error(const matrix::EventError& error) {
  const std::string message = matrix::describe(error);
  switch (error.code) {
    case matrix::EventErrorCode::kTooLarge:
    case matrix::EventErrorCode::kFieldTooLong:
      return http::too_large(message);
    default:
      return http::bad_json(message);
  }
}

}  // namespace

std::size_t RoomHead::KeyHash::operator()(const KeyView& key) const noexcept {
  const std::hash<std::string_view> hash;
  return hash(key.type) * 31 + hash(key.state_key);
}

RoomHead::RoomHead(std::int64_t room, matrix::RoomId id, const matrix::RoomVersion& version)
    : room_(room), id_(std::move(id)), version_(&version) {}

RoomHead::RoomHead(std::int64_t room, matrix::RoomId id, const matrix::RoomVersion& version,
                   std::int64_t state_root, std::int64_t next_block, std::vector<Extremity> extremities)
    : room_(room),
      id_(std::move(id)),
      version_(&version),
      next_block_(next_block),
      state_(matrix::StateMap::open(static_cast<matrix::NodeId>(state_root))),
      state_root_(state_root),
      extremities_(std::move(extremities)) {}

const StateEntry* RoomHead::find(std::string_view type, std::string_view state_key) const {
  const auto found = entries_.find(KeyView{type, state_key});
  return found == entries_.end() ? nullptr : &found->second;
}

void RoomHead::learn(std::string_view type, std::string_view state_key, StateEntry entry) {
  if (find(type, state_key) == nullptr) {
    put(type, state_key, std::move(entry));
  }
}

void RoomHead::put(std::string_view type, std::string_view state_key, StateEntry entry) {
  const auto [place, fresh] = entries_.try_emplace(Key{std::string{type}, std::string{state_key}});
  if (fresh) {
    memory_bytes_ += kEntryBytes + type.size() + state_key.size();
  }
  memory_bytes_ += bytes_of(entry);
  memory_bytes_ -= bytes_of(place->second);
  place->second = std::move(entry);
}

matrix::EventDraft RoomHead::draft_of(const NewEvent& event, std::int64_t now_ts) const {
  matrix::EventDraft draft;
  draft.type = event.type;
  draft.state_key = event.state_key;
  draft.sender = event.sender.str();
  draft.room_id = id_.str();
  draft.content = event.content;
  draft.redacts = event.redacts;
  draft.origin_server_ts = event.origin_server_ts != 0 ? event.origin_server_ts : now_ts;
  const std::size_t prev_events = std::min(extremities_.size(), kPrevEventsOfOurs);
  draft.prev_events.reserve(prev_events);
  for (std::size_t i = 0; i < prev_events; ++i) {
    const Extremity& extremity = extremities_[extremities_.size() - 1 - i];
    matrix::EventReference& prev = draft.prev_events.emplace_back(extremity.event_id);
    prev.reference_hash = extremity.reference_hash.value_or(crypto::Sha256Digest{});
    draft.depth = std::max(draft.depth, extremity.depth);
  }
  draft.depth = std::min(draft.depth + 1, matrix::kMaxDepth);
  for (const matrix::StateKey& needed : matrix::auth_events_for(matrix::AuthSubject{draft}, *version_)) {
    const StateEntry* entry = find(needed.type, needed.state_key);
    if (entry != nullptr && entry->event) {
      draft.auth_events.emplace_back(*entry->event);
    }
  }
  name_event(draft, event.sender, *version_);
  return draft;
}

void RoomHead::authorise(const matrix::Event& event) const {
  const auto lookup = [this](std::string_view type, std::string_view state_key) -> const matrix::Event* {
    const StateEntry* entry = find(type, state_key);
    return entry == nullptr ? nullptr : entry->event.get();
  };
  if (const matrix::AuthVerdict verdict = matrix::authorise(event, lookup); !verdict) {
    throw http::forbidden(matrix::describe(verdict.error().rule))
        .because(matrix::describe(verdict.error(), *version_));
  }
}

void RoomHead::check(const NewEvent& event, std::int64_t now_ts) const {
  const auto built = matrix::build_unsigned(draft_of(event, now_ts), *version_);
  if (!built) {
    throw event_error(built.error());
  }
  authorise(**built);
}

const StateEntry* RoomHead::same_state(const NewEvent& event) const {
  if (!event.state_key) {
    return nullptr;
  }
  const StateEntry* entry = find(event.type, *event.state_key);
  if (entry == nullptr || !entry->event || entry->event->sender() != event.sender.view()) {
    return nullptr;
  }
  const auto content = json::canonicalise(event.content);
  return content && *content == entry->event->content().bytes() ? entry : nullptr;
}

void RoomHead::mark() {
  mark_ = Mark{.state = state_,
               .state_root = state_root_,
               .extremities = extremities_,
               .next_block = next_block_,
               .new_blocks = new_blocks_.size(),
               .former = {}};
}

void RoomHead::back_to_mark() {
  if (!mark_) {
    return;
  }
  state_ = std::move(mark_->state);
  state_root_ = mark_->state_root;
  extremities_ = std::move(mark_->extremities);
  next_block_ = mark_->next_block;
  new_blocks_.resize(mark_->new_blocks);
  for (auto former = mark_->former.rbegin(); former != mark_->former.rend(); ++former) {
    const auto& [key, entry] = *former;
    put(key.type, key.state_key, entry.value_or(StateEntry{}));
    if (!entry) {
      entries_.erase(key);
      memory_bytes_ -= kEntryBytes + key.type.size() + key.state_key.size();
    }
  }
  mark_.reset();
}

PreparedEvent RoomHead::append(const NewEvent& event, const Interned& numbers, const RedactionTarget* target,
                               std::int64_t now_ts, const matrix::ServerName& server,
                               const crypto::SigningKey& key) {
  auto built = matrix::build_event(draft_of(event, now_ts), *version_, server, key);
  if (!built) {
    throw event_error(built.error());
  }
  if (target != nullptr && target->event) {
    check_may_redact(**built, *target->event);
  }
  return append_built(std::move(*built), numbers, target);
}

// Between servers it is enough that a redaction comes from the server of what it redacts: whose message it
// is, each server looks after itself.
void RoomHead::check_may_redact(const matrix::Event& redaction, const matrix::Event& target) const {
  const auto state = [this](std::string_view type) -> const matrix::Event* {
    const StateEntry* entry = find(type, "");
    return entry == nullptr ? nullptr : entry->event.get();
  };
  // Its content says what kind of room this is, and nothing would bring it back.
  if (target.type() == "m.room.create") {
    throw http::forbidden("What a room was made with cannot be redacted.");
  }
  if (redaction.sender() == target.sender()) {
    return;
  }
  const matrix::PowerLevels levels{*version_, state("m.room.create"), state("m.room.power_levels")};
  if (levels.user(redaction.sender()) < levels.to(matrix::PowerAction::kRedact)) {
    throw http::forbidden("You may not redact what others have sent.");
  }
}

std::int64_t RoomHead::save(const matrix::StateMap& state) {
  const auto root =
      static_cast<std::int64_t>(state.save(static_cast<matrix::BlockId>(next_block_), new_blocks_));
  if (!new_blocks_.empty()) {
    next_block_ = std::max(next_block_, static_cast<std::int64_t>(new_blocks_.back().number) + 1);
  }
  return root;
}

PreparedEvent RoomHead::append_aside(EventPtr event, const Interned& numbers, const matrix::StateMap& before,
                                     Verdict verdict) {
  PreparedEvent prepared;
  prepared.received = true;
  prepared.stored = std::make_shared<service::StoredEvent>();
  service::StoredEvent& stored = *prepared.stored;
  stored.number = numbers.event;
  stored.room = room_;
  stored.sender = numbers.sender;
  // Only a hint: whoever sent it may have written anything.
  stored.depth = std::min(event->depth(), matrix::kMaxDepth);
  stored.rejected = verdict == Verdict::kRejected;
  stored.soft_failed = verdict == Verdict::kSoftFailed;
  stored.state_before = static_cast<std::int64_t>(before.root().value());
  stored.state_after = stored.state_before;
  prepared.state_key = event->is_state() ? numbers.state_key : 0;
  if (event->is_state() && !stored.rejected) {
    stored.state_after = save(changed(before, numbers));
  }
  stored.event = std::move(event);
  return prepared;
}

PreparedEvent RoomHead::append_built(EventPtr event, const Interned& numbers, const RedactionTarget* target) {
  authorise(*event);
  const auto lookup = [this](std::string_view type, std::string_view state_key) -> const matrix::Event* {
    const StateEntry* entry = find(type, state_key);
    return entry == nullptr ? nullptr : entry->event.get();
  };

  PreparedEvent prepared;
  if (target != nullptr && target->event && matrix::may_redact(*event, *target->event, lookup)) {
    prepared.redacts = target->number;
    prepared.redacts_position = target->position;
    if (target->event->is_state()) {
      redact_entry(*target);
    }
  }
  auto stored = std::make_shared<service::StoredEvent>();
  stored->event = event;
  stored->number = numbers.event;
  stored->room = room_;
  stored->sender = numbers.sender;
  stored->depth = std::min(event->depth(), matrix::kMaxDepth);
  stored->state_before = state_root_;
  if (event->is_state()) {
    state_ = changed(state_, numbers);
    state_root_ = save(state_);
    prepared.state_key = numbers.state_key;
    if (event->type() == "m.room.member") {
      prepared.member = numbers.member;
      prepared.membership = membership_code(event->content()["membership"].to_string().value_or(""));
    }
    if (mark_) {
      const StateEntry* former = find(event->type(), *event->state_key());
      mark_->former.emplace_back(Key{std::string{event->type()}, std::string{*event->state_key()}},
                                 former == nullptr ? std::nullopt : std::optional{*former});
    }
    put(event->type(), *event->state_key(), {event, numbers.event});
  }
  stored->state_after = state_root_;

  // What the event names is no longer an extremity; the event is.
  std::erase_if(extremities_, [&event](const Extremity& extremity) {
    return std::ranges::any_of(event->prev_events(),
                               [&extremity](std::string_view prev) { return prev == extremity.event_id; });
  });
  Extremity& extremity =
      extremities_.emplace_back(Extremity{numbers.event, stored->depth, std::string{event->event_id()}});
  if (version_->has_event_id_field()) {
    extremity.reference_hash = matrix::EventReference{*event}.reference_hash;
  }
  prepared.stored = std::move(stored);
  return prepared;
}

// As it is read back from the database: what the state said before is not said any more.
void RoomHead::redact_entry(const RedactionTarget& target) {
  const std::string_view type = target.event->type();
  const std::string_view state_key = target.event->state_key().value_or("");
  const StateEntry* const entry = find(type, state_key);
  if (entry == nullptr || !entry->event || entry->number != target.number) {
    return;
  }
  if (mark_) {
    mark_->former.emplace_back(Key{std::string{type}, std::string{state_key}}, *entry);
  }
  put(type, state_key, {matrix::redact(*entry->event), target.number});
}

HeadRow RoomHead::row() const {
  return {.state = state_root_, .next_block = next_block_, .extremities = encode_extremities(extremities_)};
}

std::string encode_extremities(std::span<const Extremity> extremities) {
  std::string out;
  for (const Extremity& extremity : extremities) {
    out += std::to_string(extremity.number);
    out += ' ';
    out += std::to_string(extremity.depth);
    out += ' ';
    if (extremity.reference_hash) {
      // An id begins with another character.
      out += '=';
      crypto::base64_append(out, *extremity.reference_hash);
      out += ' ';
    }
    out += extremity.event_id;
    out += '\n';
  }
  return out;
}

std::size_t count_extremities(std::string_view bytes) noexcept {
  return static_cast<std::size_t>(std::ranges::count(bytes, '\n'));
}

std::optional<std::vector<Extremity>> decode_extremities(std::string_view bytes) {
  std::vector<Extremity> result;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::size_t first = bytes.find(' ');
    const std::size_t second = first == std::string_view::npos ? first : bytes.find(' ', first + 1);
    if (end == std::string_view::npos || second == std::string_view::npos || second + 1 >= end) {
      return std::nullopt;
    }
    Extremity extremity;
    const auto number = [&bytes](std::size_t from, std::size_t to, std::int64_t& out) {
      const auto [rest, error] = std::from_chars(bytes.data() + from, bytes.data() + to, out);
      return error == std::errc{} && rest == bytes.data() + to;
    };
    if (!number(0, first, extremity.number) || !number(first + 1, second, extremity.depth)) {
      return std::nullopt;
    }
    std::string_view id = bytes.substr(second + 1, end - second - 1);
    if (id.front() == '=') {
      const std::size_t space = id.find(' ');
      if (space == std::string_view::npos || space + 1 == id.size() ||
          !crypto::base64_decode_to(extremity.reference_hash.emplace(), id.substr(1, space - 1))) {
        return std::nullopt;
      }
      id.remove_prefix(space + 1);
    }
    extremity.event_id = id;
    result.push_back(std::move(extremity));
    bytes.remove_prefix(end + 1);
  }
  return result;
}

EventPtr build_create_event(const NewEvent& event, const matrix::RoomVersion& version,
                            std::optional<std::string> room_id, std::int64_t now_ts,
                            const matrix::ServerName& server, const crypto::SigningKey& key) {
  matrix::EventDraft draft;
  draft.type = event.type;
  draft.state_key = event.state_key;
  draft.sender = event.sender.str();
  draft.room_id = std::move(room_id);
  draft.content = event.content;
  draft.origin_server_ts = event.origin_server_ts != 0 ? event.origin_server_ts : now_ts;
  draft.depth = 1;
  name_event(draft, event.sender, version);
  auto built = matrix::build_event(draft, version, server, key);
  if (!built) {
    throw event_error(built.error());
  }
  return std::move(*built);
}

}  // namespace lares::events
