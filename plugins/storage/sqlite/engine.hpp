// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "file_lock.hpp"
#include "options.hpp"
#include "readers.hpp"
#include "writer.hpp"

#include <lares/storage/database.hpp>

#include <memory>
#include <optional>

namespace lares::storage::sqlite {

/// The database interface on SQLite: one writer, several readers.
class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(SqliteOptions options, Runtime& runtime);
  ~SqliteDatabase() override;

  /// Opens the file, made if there is none, and takes the lock beside it. Blocks for a few file operations.
  /// **Errors**: StartError when another process holds the lock, or the file cannot be opened or is no
  /// database.
  void open();
  /// Runs what was submitted, and closes the file.
  void close() noexcept;

  [[nodiscard]] Engine engine() const noexcept override { return Engine::Sqlite; }

 protected:
  void submit(Job& job) noexcept override;

 private:
  struct Opened {
    Opened(const SqliteOptions& options, Runtime& runtime, DatabaseStatistics& statistics)
        : lock{options.take_lock ? std::make_unique<FileLock>(options.path + ".lock") : nullptr},
          writer{options, runtime, statistics},
          readers{options, runtime, statistics} {}

    std::unique_ptr<FileLock> lock;
    Writer writer;
    Readers readers;
  };

  SqliteOptions options_;
  std::optional<Opened> opened_;
};

}  // namespace lares::storage::sqlite
