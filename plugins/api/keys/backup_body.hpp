// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/matrix_error.hpp>
#include <lares/http/response.hpp>
#include <lares/storage/database.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "backup_store.hpp"

namespace lares::keys {

/// The keys of a backup, or of one of its rooms, as JSON: read page by page while they are sent, since a
/// backup may be larger than the memory that there is for one request.
///
/// **Threads**: one call at a time.
class BackupBody final : public http::BodySource {
 public:
  BackupBody(storage::Database& database, std::int64_t user, std::int64_t version, Part part);

  /// Appends the next page to the text. Call it once before anything is sent.
  /// **Errors**: MatrixError M_NOT_FOUND if there is no such backup.
  Task<void> next();
  /// Whether the text is whole.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// What `next` gave, for an answer of one page.
  [[nodiscard]] std::string take() && noexcept { return std::move(text_); }

  Task<std::size_t> read(std::span<char> buffer) override;

 private:
  void append(const RoomKey& key);

  storage::Database& database_;
  std::int64_t user_;
  std::int64_t version_;
  Part part_;
  RoomKey after_;       // the last key that was read
  std::string room_;    // the room whose sessions the text is among, where it has rooms
  bool comma_ = false;  // before the next session
  std::string text_;
  std::size_t sent_ = 0;  // of the text
  bool ended_ = false;
};

/// A key as clients read it.
void append_key(std::string& out, const RoomKey& key);

[[nodiscard]] http::MatrixError no_backup();

}  // namespace lares::keys
