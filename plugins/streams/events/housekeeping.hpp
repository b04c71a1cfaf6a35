// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/topology.hpp>

#include "event_reader.hpp"

namespace lares {
class Declarations;
}

namespace lares::events {

/// What rooms need from time to time: bytes of redacted events are rewritten, by the process that does the
/// server's background work; blocks of states that no event has any more are deleted, by the room's writer.
///
/// **Threads**: the first loop.
class Housekeeping {
 public:
  Housekeeping(Server& server, storage::Database& database, storage::Interner& interner, stream::Hub& hub,
               const EventReader& reader, const stream::ShardMap& shards);

  /// Begins the work, in a process that has some of it.
  void start();
  Task<void> stop();

 private:
  Task<void> run(bool background, bool writer);
  Task<void> rewrite();
  Task<void> collect();

  Server& server_;
  storage::Database& database_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  const EventReader& reader_;
  const stream::ShardMap& shards_;
  TaskGroup tasks_;
  log::Logger log_{"lares.events.housekeeping"};
};

void declare_housekeeping(Declarations& declarations);

}  // namespace lares::events
