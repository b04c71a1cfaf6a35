// SPDX-License-Identifier: Apache-2.0
#include "room_writer.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/room_version.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <utility>

namespace lares::events {

using matrix::StateKey;
using service::NewEvent;
using service::WriteRequest;
using service::WriteResult;
using storage::Bytes;
using storage::InternKind;
using storage::InternView;
using storage::Row;

namespace {

constexpr std::size_t kMaxEventsOfRequest = 100;
// With forty writers one id in forty falls to each.
constexpr int kMostDraws = 2'000;
// How many transactions a room remembers in memory; older ones are found in the database.
constexpr std::size_t kRecentTransactions = 64;
constexpr std::size_t kRecentBytes = 400;

constexpr storage::Statement kFindTransaction{
    "SELECT e.event_id, e.position, e.writer FROM event_transactions t JOIN events e ON e.event = t.event "
    "WHERE t.scope = $1 AND t.room = $2 AND t.txn_id = $3"};

constexpr storage::Statement kFindPlace{"SELECT position, writer FROM events WHERE event = $1"};

constexpr storage::Statement kIsAnnotated{
    "SELECT 1 FROM event_relations WHERE target = $1 AND sender = $2 AND type = $3 AND annotation = $4"};

bool joined(const RoomHead& head, const matrix::UserId& user) {
  const StateEntry* const member = head.find("m.room.member", user.view());
  return member != nullptr && member->event && member->event->content()["membership"].equals("join");
}

std::size_t bytes_of(const WriteRequest& request) {
  std::size_t bytes = 256;
  for (const NewEvent& event : request.events) {
    bytes += 256 + event.content.size();
  }
  return bytes;
}

WriteResult result_of(const PreparedWrite& write, stream::WriterNumber self, std::int64_t position) {
  WriteResult result{.room = write.room_id, .events = {}, .writer = self, .position = position};
  if (write.repeated) {
    result.events.push_back(*write.repeated);
    result.writer = write.repeated_writer;
    return result;
  }
  result.events.reserve(write.events.size());
  for (const PreparedEvent& event : write.events) {
    result.events.push_back(event.stored->event->typed_event_id());
  }
  return result;
}

matrix::EventId parse_event_id(std::string_view text) {
  auto id = matrix::EventId::parse(text);
  if (!id) {
    throw storage::Corrupt{"A stored event id cannot be read."};
  }
  return std::move(*id);
}

}  // namespace

/// A room in memory. At most one coroutine is inside at a time; the others wait in their order.
struct RoomWriter::Room {
  struct Recent {
    std::string scope;
    std::string id;
    PreparedWritePtr write;  // until it is committed; the event itself need not stay in memory for this
    Future<std::int64_t> done;
    std::optional<matrix::EventId> event;  // once it is
  };

  std::int64_t number = 0;
  std::unique_ptr<RoomHead> head;
  bool entered = false;
  std::deque<Waiter*> waiting;
  std::size_t queued_bytes = 0;
  std::size_t users = 0;  ///< requests that are waiting, inside, or being committed
  std::size_t counted_bytes = 0;
  std::deque<Recent> recent;
  Future<std::int64_t> last;  // of the write that was submitted last
  std::optional<std::list<std::int64_t>::iterator> idle;
};

RoomWriter::RoomWriter(Runtime& runtime, storage::Database& database, storage::Interner& interner,
                       stream::Hub& hub, const service::ServerKeys& keys, EventReader& reader,
                       std::vector<service::EventSink*> sinks, Persister::Applied applied, Owns owns,
                       WriterLimits limits)
    : runtime_(runtime),
      database_(database),
      interner_(interner),
      hub_(hub),
      keys_(keys),
      reader_(reader),
      owns_(std::move(owns)),
      limits_(limits),
      actor_(runtime.loop(0), "room writer"),
      persister_(
          database, hub, runtime, std::move(sinks), std::move(applied),
          [this](PreparedWritePtr failed) { return recover(std::move(failed)); },
          [this](PreparedWritePtr write, std::exception_ptr error) {
            return abandon(std::move(write), std::move(error));
          }),
      preparing_(runtime, keys.server_name().view(), "create_new_client_event") {}

RoomWriter::~RoomWriter() = default;

Task<void> RoomWriter::stop() {
  co_await persister_.stop();
}

Task<WriteResult> RoomWriter::write(WriteRequest request) {
  if (request.events.empty() || request.events.size() > kMaxEventsOfRequest ||
      (request.transaction && request.events.size() != 1)) {
    throw http::invalid_param("A request writes 1 to 100 events, and one with a transaction id exactly one.");
  }
  const std::size_t bytes = bytes_of(request);
  const PreparedWritePtr write = co_await gather(std::move(request));
  try {
    std::optional<WriteResult> result;
    std::exception_ptr denied;
    try {
      result = co_await actor_.call_sized(
          bytes,
          [](RoomWriter* self, PreparedWritePtr prepared) { return self->write_here(std::move(prepared)); },
          this, write);
    } catch (const http::MatrixError& error) {
      if (error.status() == 429) {
        throw;
      }
      denied = std::current_exception();
    }
    // What writes nothing rests on the room as it is in memory, which may have another writer by now.
    if (denied || write->repeated) {
      co_await hub_.confirm_writer();
    }
    if (denied) {
      std::rethrow_exception(denied);
    }
    co_return *std::move(result);
  } catch (const storage::Unavailable& error) {
    throw http::unavailable("The database is not available.").because(error.what());
  } catch (const storage::Overloaded& error) {
    throw http::unavailable("The server is busy.").because(error.what());
  }
}

// Nothing waits inside the room that could be done before: numbers for texts and for the event, and what the
// event refers to. What is read inside is the room itself, once: its head, and entries of its state that are
// not in memory yet. (A state key that the room has never had gets its number inside, after the event was
// found to be allowed: a stranger's gets none.)
Task<PreparedWritePtr> RoomWriter::gather(WriteRequest request) {
  matrix::EventPtr create;
  std::optional<matrix::RoomId> room_id = request.room;
  const matrix::RoomVersion* version = nullptr;
  if (!room_id) {
    version = matrix::find_room_version(request.room_version);
    if (version == nullptr) {
      throw http::MatrixError(400, "M_UNSUPPORTED_ROOM_VERSION",
                              "This server does not know this room version.");
    }
    // The id says whose the room is: one is drawn that falls to this process.
    for (int draw = 0; !room_id || (!owns_(room_id->view()) && draw < kMostDraws); ++draw) {
      std::optional<std::string> random_id;
      if (!version->room_id_is_create_hash) {
        random_id = "!" + crypto::random_alphanumeric(runtime_, 18) + ":" + keys_.server_name().str();
      }
      create = build_create_event(request.events.front(), *version, std::move(random_id), new_create_ts(),
                                  keys_.server_name(), keys_.signing_key());
      room_id = create->typed_room_id();
    }
  }
  if (!owns_(room_id->view())) {
    throw http::unavailable("The event could not be written.")
        .because("The room " + room_id->str() +
                 " falls to another process: stream_writers.events differs between the processes.");
  }

  const std::size_t count = request.events.size();
  std::vector<InternView> users;
  for (const NewEvent& event : request.events) {
    users.push_back({event.sender.view(), {}});
  }
  std::vector<std::size_t> members;
  std::vector<InternView> member_names;
  for (std::size_t i = 0; i < count; ++i) {
    const NewEvent& event = request.events[i];
    if (event.type == "m.room.member" && event.state_key) {
      if (!matrix::UserId::valid(*event.state_key)) {
        throw http::invalid_param("The state key of a membership is a user id.");
      }
      members.push_back(i);
      member_names.push_back({*event.state_key, {}});
    }
  }
  std::int64_t room = 0;
  if (create) {
    room = co_await interner_.intern_room(room_id->view());
  } else {
    const std::optional<std::int64_t> known = co_await interner_.lookup_room(room_id->view());
    if (!known) {
      throw http::forbidden("You are not in this room.").because("The room is not known to this server.");
    }
    room = *known;
  }
  const std::vector<std::int64_t> user_numbers =
      co_await interner_.intern(InternKind::User, std::move(users));
  std::vector<std::optional<std::int64_t>> member_numbers;
  if (!members.empty()) {
    member_numbers = co_await interner_.lookup(InternKind::User, std::move(member_names));
  }
  std::vector<std::int64_t> events;
  if (count == 1) {
    if (const std::optional<std::int64_t> number = interner_.try_take_event_number()) {
      events.push_back(*number);
    }
  }
  if (events.empty()) {
    events = co_await interner_.take_event_numbers(count);
  }

  auto write = std::make_shared<PreparedWrite>(std::move(request), std::move(*room_id));
  write->room = room;
  write->numbers.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    write->numbers[i].event = events[i];
    write->numbers[i].sender = user_numbers[i];
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    write->numbers[members[i]].member = member_numbers[i].value_or(0);
  }
  write->references.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const NewEvent& event = write->request.events[i];
    write->references.push_back(co_await find_references(room, event, write->numbers[i].sender));
  }
  if (create) {
    write->create = std::move(create);
    write->new_room = true;
    write->version = version->id;
  }
  co_return write;
}

// Where a room's id is the hash of its create event, two of the same user in the same millisecond would be
// one room. No two of this process have the same time, and no other process writes a room with this one's
// ids.
std::int64_t RoomWriter::new_create_ts() {
  std::int64_t last = last_create_ts_.load(std::memory_order_relaxed);
  std::int64_t next = 0;
  do {
    next = std::max(runtime_.now_ms(), last + 1);
  } while (!last_create_ts_.compare_exchange_weak(last, next, std::memory_order_relaxed));
  return next;
}

std::shared_ptr<RoomWriter::Room> RoomWriter::room(std::int64_t number, std::size_t bytes) {
  std::shared_ptr<Room>& room = rooms_[number];
  if (!room) {
    room = std::make_shared<Room>();
    room->number = number;
  }
  if (room->queued_bytes + bytes > limits_.room_queue_bytes) {
    throw http::limit_exceeded(std::chrono::seconds{1});
  }
  if (room->idle) {
    idle_.erase(*room->idle);
    room->idle.reset();
  }
  ++room->users;
  room->queued_bytes += bytes;
  return room;
}

Task<void> RoomWriter::enter(Room& room) {
  if (room.entered) {
    Waiter turn;
    co_await turn.wait([&room, &turn] { room.waiting.push_back(&turn); });
  }
  room.entered = true;
}

void RoomWriter::leave(const std::shared_ptr<Room>& room) {
  const std::size_t bytes =
      (room->head ? room->head->memory_bytes() : 0) + room->recent.size() * kRecentBytes;
  bytes_ += bytes - room->counted_bytes;
  room->counted_bytes = bytes;
  if (room->waiting.empty()) {
    room->entered = false;
    return;
  }
  Waiter* next = room->waiting.front();
  room->waiting.pop_front();
  next->notify();
}

void RoomWriter::evict() {
  while (!idle_.empty() && (rooms_.size() > limits_.rooms || bytes_ > limits_.bytes)) {
    const auto found = rooms_.find(idle_.front());
    bytes_ -= found->second->counted_bytes;
    rooms_.erase(found);
    idle_.pop_front();
  }
}

Task<WriteResult> RoomWriter::write_here(PreparedWritePtr write) {
  const std::size_t bytes = bytes_of(write->request);
  const std::shared_ptr<Room> room = this->room(write->room, bytes);
  // Whatever happens, the room hears that this request is over.
  struct Done {
    RoomWriter& self;
    std::shared_ptr<Room> room;
    std::size_t bytes;
    bool inside = false;
    void leave() {
      if (std::exchange(inside, false)) {
        self.leave(room);
      }
    }
    ~Done() {
      leave();
      room->queued_bytes -= bytes;
      if (--room->users == 0) {
        room->idle = self.idle_.insert(self.idle_.end(), room->number);
        self.evict();
      }
    }
  } done{*this, room, bytes};

  co_await enter(*room);
  done.inside = true;
  if (write->request.transaction) {
    const service::TransactionKey& key = *write->request.transaction;
    const auto recent = std::ranges::find_if(room->recent, [&key](const Room::Recent& entry) {
      return entry.id == key.id && entry.scope == key.scope;
    });
    if (recent != room->recent.end()) {
      const PreparedWritePtr first = recent->write;
      const std::optional<matrix::EventId> event = recent->event;
      const Future<std::int64_t> first_done = recent->done;
      done.leave();
      const std::int64_t position = co_await first_done.get();
      co_return event ? WriteResult{.room = write->room_id,
                                    .events = {*event},
                                    .writer = hub_.self(),
                                    .position = position}
                      : result_of(*first, hub_.self(), position);
    }
  }
  for (;;) {
    const Future<std::int64_t> last = room->last;
    const bool pending = last.valid() && !last.ready();
    co_await prepare(*room, *write);
    if (!write->repeated || write->repeated_position != 0 || !pending) {
      break;
    }
    // The event that says it already is being committed. If it fails, this one is no repetition.
    done.leave();
    try {
      co_await last.get();
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception&) {
      // Its own request hears of it.
    }
    co_await enter(*room);
    done.inside = true;
    write->repeated.reset();
  }
  if (write->repeated) {
    co_return result_of(*write, hub_.self(), write->repeated_position);
  }
  const Future<std::int64_t> committed = write->done.future();
  if (write->request.transaction) {
    room->recent.push_back(
        {write->request.transaction->scope, write->request.transaction->id, write, committed, {}});
    if (room->recent.size() > kRecentTransactions) {
      room->recent.pop_front();
    }
  }
  room->last = committed;
  persister_.submit(write);
  done.leave();
  const std::int64_t position = co_await committed.get();
  current_context().add_db_sched(write->waited);
  current_context().add_db_transaction(write->took);
  WriteResult result = result_of(*write, hub_.self(), position);
  const auto mine = std::ranges::find_if(
      room->recent, [&write](const Room::Recent& entry) { return entry.write == write; });
  if (mine != room->recent.end()) {
    mine->event = result.events.front();
    mine->write.reset();
  }
  co_return result;
}

Task<void> RoomWriter::prepare(Room& room, PreparedWrite& write) {
  const Measure measure{preparing_};
  const std::int64_t now = runtime_.now_ms();
  if (write.new_room && !room.head) {
    room.head = std::make_unique<RoomHead>(write.room, write.room_id, write.create->version());
  } else if (!room.head) {
    room.head = co_await database_.read("load_room_head", [this, &write](storage::ReadTransaction& tx) {
      return reader_.head(tx, write.room, write.room_id);
    });
    // One without extremities is known by outliers alone.
    if (!room.head || !room.head->exists()) {
      room.head.reset();
      throw http::forbidden("You are not in this room.").because("The room is known here by its name alone.");
    }
  }
  RoomHead& head = *room.head;
  write.version = head.version().id;
  write.events.clear();
  head.mark();
  try {
    for (std::size_t i = 0; i < write.request.events.size(); ++i) {
      const NewEvent& event = write.request.events[i];
      Interned& numbers = write.numbers[i];
      co_await load_entries(head, event);
      if (write.request.only_while_joined && !joined(head, event.sender)) {
        throw http::forbidden("You are not in this room any more.");
      }
      if (event.state_key) {
        if (!write.create || i > 0) {
          head.check(event, now);
        }
        const StateEntry* same = head.same_state(event);
        if (same != nullptr && write.request.return_existing_state && write.request.events.size() == 1) {
          write.repeated = same->event->typed_event_id();
          co_await find_place(write, same->number);
          head.back_to_mark();
          co_return;
        }
        // Only now: what a stranger to the room asks for gets no number.
        if (numbers.state_key == 0) {
          numbers.state_key = co_await interner_.intern_state_key(event.type, *event.state_key);
        }
        if (numbers.member == 0 && event.type == "m.room.member") {
          numbers.member = co_await interner_.intern_user(*event.state_key);
        }
        co_await load_path(head, numbers.state_key);
      }
      const References& references = write.references[i];
      if (references.no_thread) {
        // Whoever may not even write here is told that, and nothing of the room.
        head.check(event, now);
        throw http::unknown("A thread cannot begin at an event that relates to another.");
      }
      if (references.repeats) {
        // A request that is sent again is no second one.
        if (co_await find_transaction(write)) {
          head.back_to_mark();
          co_return;
        }
        throw duplicate_annotation();
      }
      if (i == 0 && write.create) {
        write.events.push_back(head.append_built(write.create, numbers, nullptr));
      } else {
        const RedactionTarget* const target = references.redacted ? &*references.redacted : nullptr;
        write.events.push_back(
            head.append(event, numbers, target, now, keys_.server_name(), keys_.signing_key()));
      }
      PreparedEvent& prepared = write.events.back();
      prepared.forgotten = limits_.forget_on_leave && (prepared.membership == MembershipCode::kLeave ||
                                                       prepared.membership == MembershipCode::kBan);
      prepared.stored->thread = references.thread;
      prepared.relation = references.relation;
    }
  } catch (...) {
    head.back_to_mark();
    throw;
  }
  if (write.request.transaction) {
    write.events.front().stored->transaction_scope = write.request.transaction->scope;
    write.events.front().stored->transaction_id = write.request.transaction->id;
  }
  write.blocks = head.take_new_blocks();
  write.head = head.row();
}

Task<void> RoomWriter::load_entries(RoomHead& head, const NewEvent& event) {
  std::vector<StateKey> missing;
  const auto need = [&head, &missing](std::string_view type, std::string_view state_key) {
    if (head.find(type, state_key) == nullptr) {
      missing.push_back({std::string{type}, std::string{state_key}});
    }
  };
  matrix::EventDraft draft;
  draft.type = event.type;
  draft.state_key = event.state_key;
  draft.sender = event.sender.str();
  draft.content = event.content;
  for (const StateKey& key : matrix::auth_events_for(matrix::AuthSubject{draft}, head.version())) {
    need(key.type, key.state_key);
  }
  // In versions whose create event is no auth event, the rules still look at it.
  need("m.room.create", "");
  if (event.state_key) {
    need(event.type, *event.state_key);
  }
  if (missing.empty()) {
    co_return;
  }
  if (head.state().empty()) {
    for (const StateKey& key : missing) {
      head.learn(key.type, key.state_key, {});
    }
    co_return;
  }
  std::vector<InternView> texts;
  for (const StateKey& key : missing) {
    texts.push_back({key.type, key.state_key});
  }
  const std::vector<std::optional<std::int64_t>> numbers =
      co_await interner_.lookup(InternKind::StateKey, std::move(texts));
  std::vector<std::uint64_t> keys;
  for (const std::optional<std::int64_t>& number : numbers) {
    if (number) {
      keys.push_back(static_cast<std::uint64_t>(*number));
    }
  }
  std::vector<StateEntry> entries(missing.size());
  if (!keys.empty()) {
    entries = co_await database_.read("load_room_entries", [&](storage::ReadTransaction& tx) {
      StateBlocks blocks{tx, head.room()};
      state_or_throw(head.state().load(keys, blocks), head.room());
      std::vector<StateEntry> found(missing.size());
      std::vector<std::int64_t> events;
      std::vector<std::size_t> places;
      for (std::size_t i = 0; i < missing.size(); ++i) {
        if (numbers[i]) {
          const auto value =
              state_or_throw(head.state().find(static_cast<std::uint64_t>(*numbers[i])), head.room());
          if (value) {
            found[i].number = static_cast<std::int64_t>(*value);
            events.push_back(found[i].number);
            places.push_back(i);
          }
        }
      }
      const std::vector<service::StoredEventPtr> stored = reader_.by_number(tx, events);
      for (std::size_t i = 0; i < stored.size(); ++i) {
        if (!stored[i]) {
          throw storage::Corrupt{"The state of a room names an event that is not there."};
        }
        found[places[i]].event = stored[i]->event;
      }
      return found;
    });
  }
  for (std::size_t i = 0; i < missing.size(); ++i) {
    head.learn(missing[i].type, missing[i].state_key, std::move(entries[i]));
  }
}

Task<void> RoomWriter::load_path(RoomHead& head, std::int64_t state_key) {
  if (head.state().find(static_cast<std::uint64_t>(state_key))) {
    co_return;
  }
  const std::array<std::uint64_t, 1> keys{static_cast<std::uint64_t>(state_key)};
  co_await database_.read("load_room_state_path", [&head, &keys](storage::ReadTransaction& tx) {
    StateBlocks blocks{tx, head.room()};
    state_or_throw(head.state().load(keys, blocks), head.room());
  });
}

Task<References> RoomWriter::find_references(std::int64_t room, const NewEvent& event, std::int64_t sender) {
  References found;
  const bool redacts = event.redacts && event.type == "m.room.redaction";
  if (!event.state_key && has_oversized_key(json::Value{event.content})) {
    throw http::invalid_param("The key of an annotation has 500 bytes at most.");
  }
  const std::optional<Relation> relation =
      event.state_key ? std::nullopt : relation_of(json::Value{event.content});
  if (!redacts && !relation) {
    co_return found;
  }
  service::StoredEventPtr redacted;
  service::StoredEventPtr target;
  co_await database_.read("find_references", [&](storage::ReadTransaction& tx) {
    redacted = redacts ? reader_.by_id(tx, *event.redacts) : nullptr;
    target = relation ? reader_.by_id(tx, relation->event_id) : nullptr;
    found.repeats = target && relation->rel_type == kAnnotation &&
                    tx.any(kIsAnnotated, target->number, sender, Bytes{event.type}, Bytes{relation->key});
  });
  if (redacted && redacted->room == room) {
    found.redacted = RedactionTarget{redacted->event, redacted->number, redacted->position};
  }
  if (!target || target->room != room) {
    found.repeats = false;
    co_return found;
  }
  found.relation = {.target = target->number, .rel_type = relation->rel_type, .key = relation->key};
  found.thread = target->thread;
  if (relation->rel_type == kThread) {
    const std::optional<Relation> own = relation_of(target->event->content());
    found.no_thread = own && !own->rel_type.empty();
    found.thread = target->number;
  }
  co_return found;
}

// Where a repetition's event stands, so that whoever asked goes on only when it is known there too.
Task<void> RoomWriter::find_place(PreparedWrite& write, std::int64_t event) {
  write.repeated_position = 0;
  co_await database_.read("find_repeated", [&write, event](storage::ReadTransaction& tx) {
    tx.each(kFindPlace, event, [&write](const Row& row) {
      write.repeated_position = row.maybe_i64(0).value_or(0);
      write.repeated_writer = static_cast<stream::WriterNumber>(row.i64(1));
    });
  });
}

Task<bool> RoomWriter::find_transaction(PreparedWrite& write) {
  if (!write.request.transaction) {
    co_return false;
  }
  struct Found {
    matrix::EventId event;
    std::int64_t position;
    stream::WriterNumber writer;
  };
  const service::TransactionKey& key = *write.request.transaction;
  const std::optional<Found> found =
      co_await database_.read("find_event_transaction", [&key, &write](storage::ReadTransaction& tx) {
        return tx.maybe(kFindTransaction, Bytes{key.scope}, write.room, Bytes{key.id}, [](const Row& row) {
          return Found{parse_event_id(row.bytes(0)), row.i64(1),
                       static_cast<stream::WriterNumber>(row.i64(2))};
        });
      });
  if (found) {
    write.repeated = found->event;
    write.repeated_position = found->position;
    write.repeated_writer = found->writer;
  }
  co_return found.has_value();
}

// A write failed: it is tried once more on top of what is really there. What waits behind it in the same room
// was built on it, so it is authorised and signed anew.
Task<void> RoomWriter::recover(PreparedWritePtr failed) {
  const auto found = rooms_.find(failed->room);
  if (found == rooms_.end()) {
    failed->done.fail(std::make_exception_ptr(http::unavailable("The event could not be written.")));
    co_return;
  }
  const std::shared_ptr<Room> room = found->second;
  co_await enter(*room);
  std::vector<PreparedWritePtr> writes = persister_.take_waiting(room->number);
  writes.insert(writes.begin(), failed);
  room->head.reset();
  for (const PreparedWritePtr& write : writes) {
    std::exception_ptr error;
    try {
      if (co_await find_transaction(*write)) {
        write->done.set(write->repeated_position);
        continue;
      }
      co_await prepare(*room, *write);
      if (write->repeated && write->repeated_position == 0) {
        // The event that says it already is among those that were just submitted. Asked again, it is there.
        throw http::unavailable("The event could not be written.");
      }
      if (write->repeated) {
        write->done.set(write->repeated_position);
        continue;
      }
      if (write != failed) {
        persister_.submit(write);
        continue;
      }
      co_await persister_.commit({write});
    } catch (const DuplicateTransaction&) {
      error = std::make_exception_ptr(http::unavailable("The event could not be written."));
    } catch (...) {
      error = std::current_exception();
    }
    if (error) {
      if (write == failed) {
        room->head.reset();
      }
      std::erase_if(room->recent, [&write](const Room::Recent& entry) { return entry.write == write; });
      write->done.fail(error);
    }
  }
  leave(room);
}

Task<void> RoomWriter::abandon(PreparedWritePtr write, std::exception_ptr error) {
  const auto found = rooms_.find(write->room);
  if (found == rooms_.end()) {
    write->done.fail(std::move(error));
    co_return;
  }
  const std::shared_ptr<Room> room = found->second;
  co_await enter(*room);
  std::vector<PreparedWritePtr> writes = persister_.take_waiting(room->number);
  writes.push_back(std::move(write));
  room->head.reset();
  for (const PreparedWritePtr& one : writes) {
    std::erase_if(room->recent, [&one](const Room::Recent& entry) { return entry.write == one; });
    one->done.fail(error);
  }
  leave(room);
}

}  // namespace lares::events
