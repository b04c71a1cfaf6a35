// SPDX-License-Identifier: Apache-2.0
#include "extremity_census.hpp"

#include <lares/async/runtime.hpp>
#include <lares/service/data_care.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "room_head.hpp"

namespace lares::events {

namespace {

constexpr std::chrono::hours kEvery{1};
constexpr std::int64_t kRoomsPerStep = 500;
constexpr storage::Statement kHeads{
    "SELECT room, extremities FROM room_heads WHERE room > $1 ORDER BY room LIMIT $2"};

}  // namespace

// A distribution of what there is now is no Prometheus histogram, which only grows; so its series are shown
// one by one.
ExtremityCensus::ExtremityCensus(Server& server, storage::Database& database)
    : server_(server),
      database_(database),
      shown_(server.metrics().on_scrape(
          {.name = "synapse_forward_extremities_bucket",
           .help = "Rooms by the ends that their graphs have, as of the last hour.",
           .labels = {metrics::Label::server_name(), metrics::Label::bounded("le", kBounds.size() + 1)}},
          metrics::Kind::kGauge, [this] { return samples(); })),
      tasks_(server.runtime(), "extremities") {}

void ExtremityCensus::start() {
  const service::DataCare* const care = server_.services().find<service::DataCare>();
  if (care == nullptr || !care->works_here()) {
    return;
  }
  spawn(tasks_, Background{"read_forward_extremities", server_.name()}, run());
}

std::vector<metrics::Sample> ExtremityCensus::samples() const {
  std::vector<metrics::Sample> samples;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < rooms_.size(); ++i) {
    sum += rooms_[i].load(std::memory_order_relaxed);
    samples.push_back(
        {.label_values = {server_.name(), i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf"},
         .value = static_cast<double>(sum)});
  }
  return samples;
}

Task<void> ExtremityCensus::run() {
  while (!tasks_.cancelled()) {
    try {
      co_await count();
    } catch (const storage::Error& error) {
      log_.warning("The ends of the rooms' graphs were not counted: {}", error.what());
    }
    co_await server_.runtime().sleep_for(kEvery);
  }
}

Task<void> ExtremityCensus::count() {
  Counts counts{};
  for (std::int64_t room = 0; room >= 0;) {
    room = co_await database_.read("read_forward_extremities", [room, &counts](storage::ReadTransaction& tx) {
      std::int64_t last = -1;
      std::int64_t rows = 0;
      tx.each(kHeads, room, kRoomsPerStep, [&](const storage::Row& row) {
        const auto ends = static_cast<double>(count_extremities(row.bytes(1)));
        ++counts[static_cast<std::size_t>(std::ranges::lower_bound(kBounds, ends) - kBounds.begin())];
        last = row.i64(0);
        ++rows;
      });
      return rows == kRoomsPerStep ? last : -1;
    });
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    rooms_[i].store(counts[i], std::memory_order_relaxed);
  }
}

}  // namespace lares::events
