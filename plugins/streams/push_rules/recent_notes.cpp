// SPDX-License-Identifier: Apache-2.0
#include "recent_notes.hpp"

#include <utility>

namespace lares::push_rules {

namespace {

constexpr std::size_t kCacheNotes = 200'000;
constexpr std::size_t kMostOfRoom = 256;
constexpr std::size_t kKeptOfRoom = 128;

}  // namespace

RecentNotes::RecentNotes(TaskGroup& loads, const std::string& server_name)
    : newest_(loads,
              {.name = "push_notes", .server_name = server_name, .max_size = kCacheNotes, .record = true},
              [](std::int64_t, const NodePtr& node) { return node->length; }) {}

void RecentNotes::add(std::int64_t room, Note note) {
  NodePtr older = newest_.peek(room).value_or(nullptr);
  if (older && older->length >= kMostOfRoom) {
    // The oldest go: the list is made anew of the newest.
    std::vector<const Node*> kept;
    for (const Node* at = older.get(); at != nullptr && kept.size() < kKeptOfRoom; at = at->older.get()) {
      kept.push_back(at);
    }
    NodePtr list;
    for (std::size_t i = kept.size(); i-- > 0;) {
      list = std::make_shared<const Node>(Node{kept[i]->note, list, list ? list->length + 1 : 1});
    }
    older = std::move(list);
  }
  const std::size_t length = older ? older->length + 1 : 1;
  newest_.put(room, std::make_shared<const Node>(Node{std::move(note), std::move(older), length}));
}

std::optional<RecentNotes::NodePtr> RecentNotes::since(std::int64_t room, std::int64_t after) {
  const std::int64_t begins_at = begins_at_.load(std::memory_order_acquire);
  if (begins_at < 0) {
    return std::nullopt;
  }
  const std::uint64_t evicted = newest_.counters().evicted_for_size.load(std::memory_order_relaxed);
  NodePtr newest = newest_.peek(room).value_or(nullptr);
  const Node* oldest = newest.get();
  for (; oldest != nullptr && oldest->note.position > after; oldest = oldest->older.get()) {
  }
  // The list goes back beyond the place, or nothing of the room was ever dropped.
  const bool whole = !newest || newest->length < kKeptOfRoom;
  if (oldest != nullptr || (whole && evicted == 0 && after >= begins_at)) {
    return newest;
  }
  return std::nullopt;
}

}  // namespace lares::push_rules
