// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/peers.hpp>
#include <lares/stream/stream.hpp>

#include <nlohmann/json_fwd.hpp>

#include <unordered_map>
#include <vector>

#include "typing_board.hpp"

namespace lares::typing {

/// The stream of typing as every process reads it. It is held in memory: who is behind asks the writer's
/// process, and a writer that began anew types nothing until it says so.
class TypingStream final : public stream::Stream {
 public:
  TypingStream(Server& server, storage::Interner& interner, stream::Hub& hub, stream::Notifier& notifier,
               stream::Peers& peers, TypingBoard& board);

  [[nodiscard]] std::string_view name() const noexcept override { return "typing"; }
  [[nodiscard]] bool in_memory() const noexcept override { return true; }
  Task<std::int64_t> present(storage::Database& database) override;
  Task<void> apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                   std::int64_t upto) override;
  void wake(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t upto) override;
  Task<stream::Updates> updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) override;

  /// A set that this process wrote: taken up, announced, and told to those who wait. On the board's loop.
  void written(TypingRoom room);

 private:
  /// The other end of `updates`.
  Task<nlohmann::json> answer(nlohmann::json body);
  Task<std::string> instance_of(stream::WriterNumber writer);

  Server& server_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  stream::Notifier& notifier_;
  stream::Peers& peers_;
  TypingBoard& board_;
  // Of each writer: the incarnation that was heard last, and the rooms to wake.
  std::unordered_map<stream::WriterNumber, std::int64_t> incarnations_;
  std::unordered_map<stream::WriterNumber, std::vector<std::int64_t>> to_wake_;
};

/// The row as it travels: room, users.
[[nodiscard]] std::string row_of(const TypingRoom& room);

}  // namespace lares::typing
