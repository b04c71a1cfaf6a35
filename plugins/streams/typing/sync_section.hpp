// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/measure.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/sync.hpp>

#include "typing_board.hpp"

namespace lares::typing {

/// Typing in /sync: `m.typing` among the ephemeral events of a room.
class SyncSection final : public service::SyncContributor {
 public:
  SyncSection(Server& server, TypingBoard& board)
      : board_(board), looking_(server.runtime(), server.name(), "typing.get_new_events") {}

  Task<void> contribute(service::SyncScope& scope, service::SyncResponse& response) override;

 private:
  TypingBoard& board_;
  MeasuredBlock looking_;
};

}  // namespace lares::typing
