// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include <lares/async/runtime.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/error.hpp>
#include <lares/storage/errors.hpp>

#include <fmt/format.h>

#include <exception>
#include <memory>
#include <utility>

namespace lares::storage::sqlite {

SqliteDatabase::SqliteDatabase(SqliteOptions options, Runtime& runtime)
    : Database{runtime, options.database}, options_{std::move(options)} {}

SqliteDatabase::~SqliteDatabase() = default;

void SqliteDatabase::open() {
  if (options_.path.empty() || options_.path == ":memory:") {
    throw StartError{
        "database.args.database must name a file: an SQLite database in memory cannot be read by several "
        "threads."};
  }
  try {
    opened_.emplace(options_, runtime_, statistics_);
  } catch (const Error& error) {
    throw StartError{fmt::format("The SQLite database {} cannot be used: {}.", options_.path, error.what())};
  }
}

void SqliteDatabase::close() noexcept {
  opened_.reset();
}

void SqliteDatabase::submit(Job& job) noexcept {
  if (opened_.has_value() &&
      (job.kind() == Job::Kind::Write ? opened_->writer.submit(job) : opened_->readers.submit(job))) {
    return;
  }
  statistics_.overloaded.fetch_add(1, std::memory_order_relaxed);
  WakeBatch batch;
  job.finish(batch, runtime_.steady_now(),
             std::make_exception_ptr(Overloaded{
                 "The queue in front of the SQLite database is full, or the database is not open."}));
}

std::unique_ptr<Database> open_sqlite(const SqliteOptions& options, Runtime& runtime) {
  auto database = std::make_unique<SqliteDatabase>(options, runtime);
  database->open();
  return database;
}

}  // namespace lares::storage::sqlite
