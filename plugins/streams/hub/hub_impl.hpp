// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/migration.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/position_board.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace lares::hub {

[[nodiscard]] storage::Schema hub_schema();

/// See stream::Hub. Registers this process as a writer when it starts, with a new incarnation.
class HubImpl final : public stream::Hub {
 public:
  HubImpl(Server& server, storage::Database& database);

  /// Takes this process's row in `writers` and the streams' positions by the database.
  Task<void> start();

  [[nodiscard]] stream::WriterNumber self() const noexcept override { return self_; }
  [[nodiscard]] std::int64_t incarnation_position() const noexcept override { return incarnation_ << 32; }
  void lock_writer(storage::WriteTransaction& tx) override;
  void committed(stream::StreamNumber stream, std::int64_t position,
                 std::function<std::vector<stream::Row>()> rows) override;
  [[nodiscard]] stream::Token now() const override { return board_.now(); }
  [[nodiscard]] stream::StreamPosition position(stream::StreamNumber stream) const override {
    return board_.position(stream);
  }
  Task<bool> reached(stream::StreamNumber stream, stream::WriterNumber writer, std::int64_t position,
                     std::chrono::milliseconds deadline) override;

 private:
  Server& server_;
  storage::Database& database_;
  stream::PositionBoard board_;
  stream::WriterNumber self_ = 0;
  std::int64_t incarnation_ = 0;
};

}  // namespace lares::hub
