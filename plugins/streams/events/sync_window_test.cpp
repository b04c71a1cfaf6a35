// SPDX-License-Identifier: Apache-2.0
#include "sync_window.hpp"

#include <lares/async/real_runtime.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace lares::events {
namespace {

using stream::StreamNumber;
using stream::StreamPosition;
using Place = SyncWindow::Place;

service::StoredEvent event(std::int64_t position, stream::WriterNumber writer) {
  service::StoredEvent made;
  made.position = position;
  made.writer = writer;
  return made;
}

stream::Token at(StreamPosition position) {
  stream::Token token;
  token.set(StreamNumber::kEvents, position);
  return token;
}

TEST(SyncWindow, EndsWhereTheTokensDo) {
  const stream::Token from = at(StreamPosition{5});
  const stream::Token to = at(StreamPosition{7});
  SyncWindow window{&from, to};
  EXPECT_EQ(window.place(event(8, 1)), Place::kAfter);
  EXPECT_EQ(window.place(event(7, 1)), Place::kIn);
  EXPECT_EQ(window.place(event(5, 1)), Place::kBefore);
  SyncWindow whole{nullptr, to};
  EXPECT_EQ(whole.place(event(8, 1)), Place::kAfter);
  EXPECT_EQ(whole.place(event(5, 1)), Place::kIn);
}

TEST(SyncWindow, WhatAFormerWriterWroteComesWithWhatFollowsOnIt) {
  const stream::Token from = at(StreamPosition{5});
  const stream::Token to = at(StreamPosition{5, {{3, 64}}});
  SyncWindow window{&from, to};
  EXPECT_EQ(window.place(event(66, 3)), Place::kAfter);
  EXPECT_EQ(window.place(event(62, 3)), Place::kIn);
  EXPECT_EQ(window.place(event(59, 2)), Place::kIn);
  EXPECT_EQ(window.place(event(5, 2)), Place::kBefore);
  SyncWindow without{&from, to};
  EXPECT_EQ(without.place(event(59, 2)), Place::kAfter);
}

TEST(SyncWindow, GoesOnBelowAnEventThatIsIn) {
  const stream::Token from = at(StreamPosition{5, {}});
  const stream::Token to = at(StreamPosition{5, {{3, 64}}});
  SyncWindow window{&from, to, true};
  EXPECT_EQ(window.place(event(59, 2)), Place::kIn);
  EXPECT_EQ(window.place(event(5, 2)), Place::kBefore);
}

TEST(SyncWindow, AndIsNotShownOnceMore) {
  const stream::Token from = at(StreamPosition{5, {{3, 64}}});
  const stream::Token to = at(StreamPosition{60, {{3, 65}}});
  SyncWindow window{&from, to};
  EXPECT_EQ(window.place(event(65, 3)), Place::kIn);
  EXPECT_EQ(window.place(event(62, 3)), Place::kBefore);
}

// Of 100 events that writer 3 wrote.
Task<std::vector<service::StoredEventPtr>> newest_of_writer_3(std::int64_t upto, std::size_t count) {
  std::vector<service::StoredEventPtr> page;
  for (std::int64_t position = std::min<std::int64_t>(upto, 100); position > 0 && page.size() < count;
       --position) {
    page.push_back(std::make_shared<service::StoredEvent>(event(position, 3)));
  }
  co_return page;
}

TEST(SyncWindow, WhatIsAfterItTakesNoPlaceOfWhatIsIn) {
  // This process has taken up 50 of them, and of another writer more.
  const stream::Token from = at(StreamPosition{10});
  const stream::Token to = at(StreamPosition{50, {{2, 200}}});
  RealRuntime runtime{{.threads = 1}};
  const auto positions = [&](std::size_t most) {
    std::vector<std::int64_t> found;
    for (const service::StoredEventPtr& one :
         run_blocking(runtime, "test", newest_in(SyncWindow{&from, to}, 200, most, &newest_of_writer_3))) {
      found.push_back(one->position);
    }
    return found;
  };
  EXPECT_EQ(positions(3), (std::vector<std::int64_t>{50, 49, 48}));
  EXPECT_EQ(positions(60).size(), 40U);
}

}  // namespace
}  // namespace lares::events
