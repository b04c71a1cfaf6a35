// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/stream.hpp>

#include <cstdint>
#include <vector>

namespace lares::device_lists {

/// The stream's reader: wakes the user whose devices changed and everyone in a room with that user.
class Reader final : public stream::Stream {
 public:
  explicit Reader(Server& server);

  [[nodiscard]] std::string_view name() const noexcept override { return "device_lists"; }
  Task<void> apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                   std::int64_t upto) override;
  void wake(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t upto) override;
  Task<stream::Updates> updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) override;

 private:
  struct Woken {
    std::vector<std::int64_t> users;
    std::vector<std::int64_t> rooms;
  };

  storage::Database& database_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  stream::Notifier& notifier_;
  service::Rooms& rooms_;
  // Between `apply` and `wake`: those of this process's rows, and those of others', which come on two loops.
  Woken own_;
  Woken others_;
};

}  // namespace lares::device_lists
