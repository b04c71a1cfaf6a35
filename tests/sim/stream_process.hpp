// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares_test/test_server.hpp>

#include <lares/stream/stream_writer.hpp>

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "process.hpp"

namespace lares::sim {

/// What a client writes.
struct Change {
  std::string key;
  std::int64_t value = 0;
};

[[nodiscard]] storage::Schema rows_schema();

/// The reading side of a stream of the simulation: keeps which rows it was given.
class RowStream final : public stream::Stream {
 public:
  RowStream(VirtualRuntime& runtime, storage::Database& database, stream::StreamNumber number)
      : at_(runtime), database_(database), number_(number) {}

  [[nodiscard]] std::string_view name() const noexcept override { return stream::stream_name(number_); }
  [[nodiscard]] stream::StreamNumber number() const noexcept { return number_; }
  Task<void> apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                   std::int64_t upto) override;
  void wake(stream::WriterNumber, std::span<const stream::Row>, std::int64_t) override {}
  Task<stream::Updates> updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) override;

  [[nodiscard]] bool applied(std::int64_t position) const { return applied_.contains(position); }
  /// Percent of the calls of `apply` that throw.
  int fails_percent = 0;

 private:
  VirtualRuntime& at_;
  storage::Database& database_;
  const stream::StreamNumber number_;
  std::set<std::int64_t> applied_;
};

/// A process with hub, two streams that keep nothing but their rows, and their writers.
class StreamProcess final : public Process {
 public:
  StreamProcess(const Parts& parts, const std::string& instance, std::shared_ptr<const Config> config,
                int apply_fails_percent);
  ~StreamProcess() override;

  Task<void> start() override;
  Task<void> end() override;
  void faultless() override;

  [[nodiscard]] const RowStream& stream(std::size_t i) const { return *streams_[i]; }
  /// Where the streams stood when it had started: what came before it was never applied here.
  [[nodiscard]] const stream::Token& started_at() const noexcept { return started_at_; }
  Task<std::int64_t> write(std::size_t stream, Change change);

 private:
  void store(std::size_t stream, storage::WriteTransaction& tx, const Change& change, std::int64_t position);

  std::vector<std::unique_ptr<RowStream>> streams_;
  std::vector<std::unique_ptr<stream::StreamWriter<Change>>> writers_;
  stream::Token started_at_;
};

}  // namespace lares::sim
