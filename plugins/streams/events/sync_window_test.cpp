// SPDX-License-Identifier: Apache-2.0
#include "sync_window.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace lares::events
