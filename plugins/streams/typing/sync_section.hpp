// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/sync.hpp>

#include "typing_board.hpp"

namespace lares::typing {

/// Typing in /sync: `m.typing` among the ephemeral events of a room.
class SyncSection final : public service::SyncContributor {
 public:
  explicit SyncSection(TypingBoard& board) : board_(board) {}

  Task<void> contribute(service::SyncScope& scope, service::SyncResponse& response) override;

 private:
  TypingBoard& board_;
};

}  // namespace lares::typing
