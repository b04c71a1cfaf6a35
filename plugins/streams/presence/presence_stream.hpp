// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/peers.hpp>
#include <lares/stream/stream.hpp>

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <unordered_map>
#include <vector>

#include "presence_board.hpp"
#include "settings.hpp"

namespace lares::presence {

/// The stream of presence as every process reads it. It is held in memory: who is behind asks the writer's
/// process, and of a writer that began anew everyone is offline until it says otherwise.
class PresenceStream final : public stream::Stream {
 public:
  PresenceStream(Server& server, storage::Interner& interner, stream::Hub& hub, stream::Notifier& notifier,
                 stream::Peers& peers, service::Rooms& rooms, PresenceBoard& board, const Settings& settings);

  [[nodiscard]] std::string_view name() const noexcept override { return "presence"; }
  [[nodiscard]] bool in_memory() const noexcept override { return true; }
  Task<std::int64_t> present(storage::Database& database) override;
  Task<void> apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                   std::int64_t upto) override;
  void wake(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t upto) override;
  Task<stream::Updates> updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) override;

  /// What is known now of these users, to a client that was told as much as `from` covers. Where this process
  /// has yet to hear of that, the writer is asked, since what stands here may be over, and no later row would
  /// tell the client; nobody, where the writer cannot be asked either.
  Task<std::vector<PresencePtr>> present_now(std::vector<std::int64_t> users, stream::StreamPosition from);

  /// What this process wrote: taken up, announced, and told to those in these rooms. On the board's loop.
  void written(PresenceState presence, const std::vector<std::int64_t>& rooms);

 private:
  struct Woken {
    std::int64_t user = 0;
    std::vector<std::int64_t> rooms;
  };

  /// The other end of `updates`.
  Task<nlohmann::json> answer(nlohmann::json body);
  /// The other end of `present_now`.
  Task<nlohmann::json> answer_people(nlohmann::json body);
  Task<std::string> instance_of(stream::WriterNumber writer);
  void tell(stream::WriterNumber writer, std::int64_t position, const Woken& woken);

  Server& server_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  stream::Notifier& notifier_;
  stream::Peers& peers_;
  service::Rooms& rooms_;
  PresenceBoard& board_;
  const Settings& settings_;
  const SteadyTime began_;
  std::unordered_map<stream::WriterNumber, std::int64_t> incarnations_;
  std::unordered_map<stream::WriterNumber, std::vector<Woken>> to_wake_;
};

}  // namespace lares::presence
