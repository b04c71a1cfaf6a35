// SPDX-License-Identifier: Apache-2.0
#include "persister.hpp"

#include <lares/async/runtime.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>

#include "partial_state.hpp"
#include "received_events.hpp"
#include "schema.hpp"

namespace lares::events {

using service::StoredEvent;
using service::StoredEventPtr;
using storage::Bytes;
using storage::ColumnType;
using storage::Engine;
using storage::Row;
using storage::WriteTransaction;

namespace {

// As much as one transaction takes: what waits beyond it goes into the next one.
constexpr std::size_t kBatchEvents = 500;
constexpr int kExitUnsure = 75;  // sysexits.h, EX_TEMPFAIL: what a service manager starts again

constexpr storage::Statement kDrawPositions{
    storage::Sql{"UPDATE events_sequence SET value = value + $1 WHERE id = 1 RETURNING value",
                 "SELECT nextval('events_sequence') FROM generate_series(1, $1::bigint)"}};

constexpr storage::InsertMany kInsertEvents{"events",
                                            {{{"event", ColumnType::Integer},
                                              {"room", ColumnType::Integer},
                                              {"event_id", ColumnType::Bytes},
                                              {"writer", ColumnType::Integer},
                                              {"position", ColumnType::Integer},
                                              {"depth", ColumnType::Integer},
                                              {"sender", ColumnType::Integer},
                                              {"state_key", ColumnType::Integer},
                                              {"state_before", ColumnType::Integer},
                                              {"state_after", ColumnType::Integer},
                                              {"flags", ColumnType::Integer},
                                              {"thread", ColumnType::Integer},
                                              {"header", ColumnType::Bytes},
                                              {"body", ColumnType::Bytes}}}};

// An outlier has its row already, and gets its place with this.
constexpr storage::ChangeMany kPlaceEvents{"events",
                                           {{{"event", ColumnType::Integer}}},
                                           {{{"writer", ColumnType::Integer},
                                             {"position", ColumnType::Integer},
                                             {"depth", ColumnType::Integer},
                                             {"state_before", ColumnType::Integer},
                                             {"state_after", ColumnType::Integer},
                                             {"flags", ColumnType::Integer},
                                             {"thread", ColumnType::Integer}}}};

constexpr storage::InsertMany kInsertTransactions{"event_transactions",
                                                  {{{"scope", ColumnType::Bytes},
                                                    {"room", ColumnType::Integer},
                                                    {"txn_id", ColumnType::Bytes},
                                                    {"event", ColumnType::Integer},
                                                    {"created_ts", ColumnType::Integer}}},
                                                  "ON CONFLICT DO NOTHING"};

constexpr storage::InsertMany kInsertBlocks{
    "state_blocks",
    {{{"room", ColumnType::Integer}, {"block", ColumnType::Integer}, {"body", ColumnType::Bytes}}}};

constexpr storage::InsertMany kInsertHeads{"room_heads",
                                           {{{"room", ColumnType::Integer},
                                             {"version", ColumnType::Text},
                                             {"state", ColumnType::Integer},
                                             {"next_block", ColumnType::Integer},
                                             {"extremities", ColumnType::Bytes}}}};

constexpr storage::ChangeMany kChangeHeads{"room_heads",
                                           {{{"room", ColumnType::Integer}}},
                                           {{{"state", ColumnType::Integer},
                                             {"next_block", ColumnType::Integer},
                                             {"extremities", ColumnType::Bytes}}}};

constexpr storage::InsertMany kPutMemberships{
    "room_memberships",
    {{{"room", ColumnType::Integer},
      {"member", ColumnType::Integer},
      {"membership", ColumnType::Integer},
      {"event", ColumnType::Integer},
      {"writer", ColumnType::Integer},
      {"position", ColumnType::Integer},
      {"forgotten", ColumnType::Boolean}}},
    "ON CONFLICT (room, member) DO UPDATE SET membership = excluded.membership, event = excluded.event, "
    "writer = excluded.writer, position = excluded.position, forgotten = excluded.forgotten"};

constexpr storage::ChangeMany kMarkRedacted{
    "events", {{{"event", ColumnType::Integer}}}, {{{"redacted_by", ColumnType::Integer}}}};

constexpr storage::LookupMany kIsRedacted{.select = "event",
                                          .from = "events",
                                          .keys = {{{"event", ColumnType::Integer}}},
                                          .where = "redacted_by IS NOT NULL"};

constexpr storage::InsertMany kInsertRedacted{
    "redacted_events",
    {{{"event", ColumnType::Integer}, {"room", ColumnType::Integer}, {"redacted_ts", ColumnType::Integer}}},
    "ON CONFLICT DO NOTHING"};

constexpr storage::Columns kRelationColumns{{{"event", ColumnType::Integer},
                                             {"room", ColumnType::Integer},
                                             {"target", ColumnType::Integer},
                                             {"position", ColumnType::Integer},
                                             {"sender", ColumnType::Integer},
                                             {"rel_type", ColumnType::Bytes},
                                             {"type", ColumnType::Bytes},
                                             {"annotation", ColumnType::Bytes}}};
constexpr storage::InsertMany kInsertRelations{"event_relations", kRelationColumns, "ON CONFLICT DO NOTHING"};
constexpr storage::ChangeMany kDropRelations{"event_relations", {{{"event", ColumnType::Integer}}}};

constexpr storage::Statement kEventIsThere{
    "SELECT position FROM events WHERE event = $1 AND position IS NOT NULL"};

std::int64_t flags_of(const EventRow& row) {
  return (row.event->stored->rejected ? kRejected : 0) | (row.event->stored->soft_failed ? kSoftFailed : 0) |
         (row.event->partial_state ? kPartialState : 0) | (row.event->redacts != 0 ? kRedacts : 0) |
         (static_cast<std::int64_t>(row.marks.notify) << kNotifyShift);
}

std::optional<std::int64_t> unless_zero(std::int64_t number) {
  return number == 0 ? std::nullopt : std::optional{number};
}

void draw_positions(WriteTransaction& tx, std::span<const std::shared_ptr<StoredEvent>> events,
                    stream::WriterNumber self) {
  std::vector<std::int64_t> positions;
  positions.reserve(events.size());
  tx.each(kDrawPositions, static_cast<std::int64_t>(events.size()),
          [&positions](const Row& row) { positions.push_back(row.i64(0)); });
  for (std::size_t i = 0; i < events.size(); ++i) {
    // SQLite gives the last of an unbroken run, PostgreSQL each by itself.
    events[i]->position = tx.engine() == Engine::Sqlite
                              ? positions.front() - static_cast<std::int64_t>(events.size() - 1 - i)
                              : positions[i];
    events[i]->writer = self;
  }
}

// Of several redactions of an event the first holds: what is counted as of a place between two of them must
// not count the event again.
void keep_first_redactions(WriteTransaction& tx, std::vector<const PreparedEvent*>& redactions) {
  std::set<std::int64_t> redacted;
  tx.lookup_many(
      kIsRedacted, redactions, [](const PreparedEvent* event) { return event->redacts; },
      [&redacted](std::size_t, const Row& row) { redacted.insert(row.i64(0)); });
  std::erase_if(redactions,
                [&redacted](const PreparedEvent* event) { return !redacted.insert(event->redacts).second; });
}

void place_events(WriteTransaction& tx, std::span<const EventRow> rows) {
  tx.change_many(kPlaceEvents, rows, [](const EventRow& row) {
    const StoredEvent& event = *row.event->stored;
    return std::tuple{event.number,       static_cast<std::int64_t>(event.writer),
                      event.position,     event.depth,
                      event.state_before, event.state_after,
                      flags_of(row),      unless_zero(event.thread)};
  });
}

// Events may be there that no cache has taken up and that no position announces: only a start puts that
// right.
[[noreturn]] void end_process(std::string_view reason) noexcept {
  const log::Logger logger{"lares.events.persister"};
  logger.critical(
      "The database was lost while it committed events, and does not come back to say whether they are "
      "there: "
      "{} The process ends; nothing that was acknowledged is affected. Start it again when the database "
      "answers.",
      reason);
  log::flush();
  std::_Exit(kExitUnsure);
}

}  // namespace

http::MatrixError duplicate_annotation() {
  return http::MatrixError(400, "M_DUPLICATE_ANNOTATION", "You have said this of the event already.");
}

void insert_events(WriteTransaction& tx, std::span<const EventRow> rows) {
  tx.insert_many(kInsertEvents, rows, [](const EventRow& row) {
    const StoredEvent& event = *row.event->stored;
    return std::tuple{event.number,
                      event.room,
                      Bytes{event.event->event_id()},
                      static_cast<std::int64_t>(event.writer),
                      unless_zero(event.position),
                      event.depth,
                      event.sender,
                      unless_zero(row.event->state_key),
                      event.state_before,
                      event.state_after,
                      flags_of(row),
                      unless_zero(event.thread),
                      Bytes{row.header},
                      Bytes{event.event->bytes()}};
  });
}

std::int64_t insert_relations(WriteTransaction& tx, std::span<const PreparedEvent* const> events) {
  return tx.insert_many(kInsertRelations, events, [](const PreparedEvent* event) {
    const StoredEvent& stored = *event->stored;
    return std::tuple{stored.number,
                      stored.room,
                      event->relation->target,
                      stored.position,
                      stored.sender,
                      Bytes{event->relation->rel_type},
                      Bytes{stored.event->type()},
                      event->relation->rel_type == kAnnotation ? std::optional{Bytes{event->relation->key}}
                                                               : std::optional<Bytes>{}};
  });
}

Persister::Persister(storage::Database& database, stream::Hub& hub, Runtime& runtime,
                     std::vector<service::EventSink*> sinks, Applied applied, Recover recover,
                     Abandon abandon)
    : database_(database),
      hub_(hub),
      runtime_(runtime),
      sinks_(std::move(sinks)),
      applied_(std::move(applied)),
      recover_(std::move(recover)),
      abandon_(std::move(abandon)),
      tasks_(runtime, "event persister") {}

void Persister::submit(PreparedWritePtr write) {
  write->submitted_at = runtime_.steady_now();
  queue_.push_back(std::move(write));
  if (!running_) {
    running_ = true;
    spawn(tasks_, Background{"persist_events"}, run());
  }
}

std::vector<PreparedWritePtr> Persister::take_waiting(std::int64_t room) {
  std::vector<PreparedWritePtr> taken;
  std::erase_if(queue_, [&taken, room](const PreparedWritePtr& write) {
    if (write->room != room) {
      return false;
    }
    taken.push_back(write);
    return true;
  });
  return taken;
}

Task<void> Persister::stop() {
  co_await tasks_.join();
}

Task<void> Persister::run() {
  // Of a batch that fails the first half is tried, so that of many writes the bad one is found in few steps;
  // what commits doubles it again.
  std::size_t most_writes = kBatchEvents;
  while (!queue_.empty()) {
    std::vector<PreparedWritePtr> batch;
    std::size_t events = 0;
    while (!queue_.empty() && batch.size() < most_writes &&
           (batch.empty() || events + queue_.front()->events.size() <= kBatchEvents)) {
      events += queue_.front()->events.size();
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    bool failed = false;
    std::exception_ptr away;
    try {
      co_await commit(batch);
    } catch (const storage::Unavailable& error) {
      log_.warning("A batch of {} events was not written: {}", events, error.what());
      away = std::current_exception();
    } catch (const storage::CommitUnknown& error) {
      end_process(error.what());
    } catch (const DuplicateTransaction&) {
      failed = true;
    } catch (const std::exception& error) {
      log_.warning("A batch of {} events was not written{}: {}", events,
                   batch.size() > 1 ? " and is halved" : "", error.what());
      failed = true;
    }
    if (away) {
      for (PreparedWritePtr& write : batch) {
        co_await abandon_(std::move(write), away);
      }
    } else if (!failed) {
      most_writes = std::min(most_writes * 2, kBatchEvents);
    } else if (batch.size() > 1) {
      most_writes = batch.size() / 2;
      queue_.insert(queue_.begin(), std::make_move_iterator(batch.begin()),
                    std::make_move_iterator(batch.end()));
    } else {
      co_await recover_(std::move(batch.front()));
    }
  }
  running_ = false;
}

Task<void> Persister::commit(std::vector<PreparedWritePtr> batch) {
  std::vector<std::shared_ptr<StoredEvent>> events;
  std::vector<StoredEventPtr> view;
  for (const PreparedWritePtr& write : batch) {
    for (const PreparedEvent& event : write->events) {
      events.push_back(event.stored);
      view.push_back(event.stored);
    }
  }
  std::vector<service::EventMarks> marks;
  marks.reserve(events.size());
  for (const PreparedWritePtr& write : batch) {
    for (const PreparedEvent& event : write->events) {
      marks.push_back({.redacts = event.redacts, .redacts_position = event.redacts_position});
    }
  }
  for (service::EventSink* sink : sinks_) {
    co_await sink->prepare(view, marks);
  }
  const stream::Hub::Open open{hub_, stream::StreamNumber::kEvents};
  const std::int64_t now_ts = runtime_.now_ms();
  const SteadyTime begun = runtime_.steady_now();
  co_await database_.write_certain(
      "persist_events",
      [this, &batch, &events, &view, &marks, now_ts](WriteTransaction& tx) {
        return commit_in(tx, batch, events, view, marks, now_ts);
      },
      // The first event's number is fresh, so its row can only be this batch's.
      [&events](WriteTransaction& tx) -> std::optional<std::int64_t> {
        return tx.maybe(kEventIsThere, events.front()->number, [](const Row& row) { return row.i64(0); });
      });
  const SteadyTime::duration took = runtime_.steady_now() - begun;
  for (const PreparedWritePtr& write : batch) {
    write->waited = begun - write->submitted_at;
    write->took = took;
  }
  for (service::EventSink* sink : sinks_) {
    sink->committed(view);
  }
  applied_(events, batch);
  WakeBatch wake;
  for (const PreparedWritePtr& write : batch) {
    write->done.set(write->events.back().stored->position, wake);
  }
}

std::int64_t Persister::commit_in(WriteTransaction& tx, std::span<const PreparedWritePtr> batch,
                                  std::span<const std::shared_ptr<StoredEvent>> events,
                                  std::span<const StoredEventPtr> view,
                                  std::span<const service::EventMarks> marks, std::int64_t now_ts) {
  hub_.lock_writer(tx);
  draw_positions(tx, events, hub_.self());

  struct TransactionRow {
    const service::TransactionKey* key;
    const StoredEvent* event;
  };
  std::vector<EventRow> rows;
  std::vector<EventRow> placed;
  std::vector<const PreparedEvent*> received;
  std::vector<const PreparedEvent*> partial;
  std::vector<TransactionRow> transactions;
  struct BlockRow {
    std::int64_t room;
    const matrix::StateBlock* block;
  };
  std::vector<BlockRow> blocks;
  std::vector<const PreparedWrite*> new_heads;
  std::vector<const PreparedWrite*> changed_heads;
  std::vector<const PreparedEvent*> memberships;
  std::vector<const PreparedEvent*> redactions;
  std::vector<const PreparedEvent*> relations;
  rows.reserve(events.size());
  for (const PreparedWritePtr& write : batch) {
    for (const PreparedEvent& event : write->events) {
      const service::EventMarks mark = marks[rows.size() + placed.size()];
      if (event.placed) {
        placed.push_back({&event, {}, mark});
      } else {
        rows.push_back({&event, event.stored->event->header(), mark});
      }
      if (event.received) {
        received.push_back(&event);
      }
      if (event.partial_state) {
        partial.push_back(&event);
      }
      if (event.member != 0) {
        // One upsert must not touch a row twice: a later membership of one user in one batch takes the
        // former's place.
        std::erase_if(memberships, [&event](const PreparedEvent* other) {
          return other->member == event.member && other->stored->room == event.stored->room;
        });
        memberships.push_back(&event);
      }
      if (event.redacts != 0) {
        redactions.push_back(&event);
      }
      if (event.relation && !event.relation->rel_type.empty()) {
        relations.push_back(&event);
      }
    }
    if (write->request.transaction) {
      transactions.push_back({&*write->request.transaction, write->events.front().stored.get()});
    }
    for (const matrix::StateBlock& block : write->blocks) {
      blocks.push_back({write->room, &block});
    }
    // Later writes of one room leave the later head; a room that is new in this batch is inserted with its
    // last one.
    const auto same_room = [&write](const PreparedWrite* other) { return other->room == write->room; };
    const bool fresh = write->new_room || std::ranges::any_of(new_heads, same_room);
    std::vector<const PreparedWrite*>& heads = fresh ? new_heads : changed_heads;
    std::erase_if(heads, same_room);
    heads.push_back(write.get());
  }

  insert_events(tx, rows);
  place_events(tx, placed);
  settle_holes(tx, received);
  note_partial_state(tx, partial);
  if (!transactions.empty()) {
    const std::int64_t written =
        tx.insert_many(kInsertTransactions, transactions, [](const TransactionRow& row) {
          return std::tuple{Bytes{row.key->scope}, row.event->room, Bytes{row.key->id}, row.event->number,
                            row.event->event->origin_server_ts()};
        });
    if (written != static_cast<std::int64_t>(transactions.size())) {
      throw DuplicateTransaction{};
    }
  }
  tx.insert_many(kInsertBlocks, blocks, [](const BlockRow& row) {
    return std::tuple{row.room, static_cast<std::int64_t>(row.block->number), Bytes{row.block->bytes}};
  });
  tx.insert_many(kInsertHeads, new_heads, [](const PreparedWrite* write) {
    return std::tuple{write->room, std::string_view{write->version}, write->head.state,
                      write->head.next_block, Bytes{write->head.extremities}};
  });
  tx.change_many(kChangeHeads, changed_heads, [](const PreparedWrite* write) {
    return std::tuple{write->room, write->head.state, write->head.next_block, Bytes{write->head.extremities}};
  });
  tx.insert_many(kPutMemberships, memberships, [](const PreparedEvent* event) {
    return std::tuple{event->stored->room,
                      event->member,
                      static_cast<std::int64_t>(event->membership),
                      event->stored->number,
                      static_cast<std::int64_t>(event->stored->writer),
                      event->stored->position,
                      event->forgotten};
  });
  keep_first_redactions(tx, redactions);
  tx.change_many(kMarkRedacted, redactions, [](const PreparedEvent* event) {
    return std::tuple{event->redacts, event->stored->number};
  });
  tx.insert_many(kInsertRedacted, redactions, [now_ts](const PreparedEvent* event) {
    return std::tuple{event->redacts, event->stored->room, now_ts};
  });
  tx.change_many(kDropRelations, redactions, [](const PreparedEvent* event) { return event->redacts; });
  const std::int64_t related = insert_relations(tx, relations);
  if (related != static_cast<std::int64_t>(relations.size())) {
    throw duplicate_annotation();
  }
  for (service::EventSink* sink : sinks_) {
    sink->write(tx, view);
  }
  return events.back()->position;
}

}  // namespace lares::events
