// SPDX-License-Identifier: Apache-2.0
#include "housekeeping.hpp"

#include <lares/async/runtime.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/service/data_care.hpp>
#include <lares/storage/errors.hpp>

#include <chrono>
#include <vector>

#include "redacted_bytes.hpp"
#include "state_collector.hpp"

namespace lares::events {

namespace {

constexpr std::chrono::minutes kEvery{5};
// Between two steps, so that what clients wait for goes first.
constexpr std::chrono::milliseconds kPause{100};

}  // namespace

void declare_housekeeping(Declarations& declarations) {
  declarations.config({.path = "redaction_retention_period",
                       .type = ConfigType::Duration,
                       .default_value = "7d",
                       .meaning = "How long after its redaction the database keeps what an event said; null "
                                  "for ever. Nobody is shown it meanwhile.",
                       .reload = Reload::Live,
                       .minimum = 0,
                       .nullable = true});
}

Housekeeping::Housekeeping(Server& server, storage::Database& database, storage::Interner& interner,
                           stream::Hub& hub, const EventReader& reader, const stream::ShardMap& shards)
    : server_(server),
      database_(database),
      interner_(interner),
      hub_(hub),
      reader_(reader),
      shards_(shards),
      tasks_(server.runtime(), "rooms' housekeeping") {}

void Housekeeping::start() {
  const service::DataCare* const care = server_.services().find<service::DataCare>();
  const bool background = care != nullptr && care->works_here();
  const bool writer = stream::writes_stream(*server_.config(), "events", server_.instance());
  if (background || writer) {
    spawn(tasks_, Background{"rooms_housekeeping", server_.name()}, run(background, writer),
          &server_.runtime().loop(0));
  }
}

Task<void> Housekeeping::stop() {
  co_await tasks_.stop();
}

Task<void> Housekeeping::run(bool background, bool writer) {
  for (;;) {
    try {
      if (background) {
        co_await rewrite();
      }
      if (writer) {
        co_await collect();
      }
    } catch (const storage::Error& error) {
      log_.warning("Redacted events or states of rooms were not all tidied up; it is tried again: {}",
                   error.what());
    }
    co_await server_.runtime().sleep_for(kEvery);
  }
}

Task<void> Housekeeping::rewrite() {
  const auto retention = server_.config()->optional_duration("redaction_retention_period");
  if (!retention) {
    co_return;
  }
  const std::int64_t upto = server_.runtime().now_ms() - retention->count();
  while (co_await rewrite_redacted_bytes(database_, reader_, upto) != 0) {
    co_await server_.runtime().sleep_for(kPause);
  }
}

Task<void> Housekeeping::collect() {
  const std::vector<std::int64_t> rooms = co_await rooms_to_collect(database_);
  const std::vector<storage::InternText> names = co_await interner_.texts(storage::InternKind::Room, rooms);
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    while (shards_.mine(names[i].first)) {
      const Collected collected = co_await collect_states(database_, hub_, rooms[i]);
      if (collected.states == 0) {
        break;
      }
      co_await server_.runtime().sleep_for(kPause);
    }
  }
}

}  // namespace lares::events
