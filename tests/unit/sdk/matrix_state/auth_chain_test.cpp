// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/auth_chain.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace lares::matrix {
namespace {

using Numbers = std::set<std::uint64_t>;
using State = std::map<std::uint64_t, std::uint64_t>;

/// State events that name each other, and the specification's definitions taken word by word.
struct Graph {
  struct Node {
    std::uint64_t key = 0;
    std::vector<std::uint64_t> auth_events;
  };
  std::map<std::uint64_t, Node> nodes;

  [[nodiscard]] Numbers chain(std::uint64_t event) const {
    Numbers found;
    std::vector<std::uint64_t> open{event};
    while (!open.empty()) {
      const std::uint64_t now = open.back();
      open.pop_back();
      for (const std::uint64_t next : nodes.at(now).auth_events) {
        if (found.insert(next).second) {
          open.push_back(next);
        }
      }
    }
    return found;
  }

  [[nodiscard]] Numbers difference(const std::vector<State>& states, OwnEvents own) const {
    std::vector<Numbers> chains;
    Numbers any;
    for (const State& state : states) {
      Numbers& full = chains.emplace_back();
      for (const auto& [key, event] : state) {
        full.merge(chain(event));
        if (own == OwnEvents::kIncluded) {
          full.insert(event);
        }
      }
      any.insert(full.begin(), full.end());
    }
    std::erase_if(any, [&](std::uint64_t event) {
      return std::ranges::all_of(chains, [&](const Numbers& full) { return full.contains(event); });
    });
    return any;
  }

  [[nodiscard]] Numbers subgraph(const Numbers& conflicted) const {
    Numbers out = conflicted;
    Numbers below;
    for (const std::uint64_t event : conflicted) {
      below.merge(chain(event));
    }
    for (const std::uint64_t event : below) {
      const Numbers own = chain(event);
      if (std::ranges::any_of(conflicted, [&](std::uint64_t end) { return own.contains(end); })) {
        out.insert(event);
      }
    }
    return out;
  }
};

/// The parts of states that AuthChainIndex::difference takes.
struct Parts {
  explicit Parts(const std::vector<State>& states) {
    Numbers keys;
    for (const State& state : states) {
      for (const auto& [key, event] : state) {
        keys.insert(key);
      }
    }
    conflicted.resize(states.size());
    for (const std::uint64_t key : keys) {
      const auto in_first = states[0].find(key);
      const bool same = in_first != states[0].end() && std::ranges::all_of(states, [&](const State& state) {
                          const auto found = state.find(key);
                          return found != state.end() && found->second == in_first->second;
                        });
      if (same) {
        unconflicted[key] = in_first->second;
        continue;
      }
      for (std::size_t index = 0; index < states.size(); ++index) {
        if (const auto found = states[index].find(key); found != states[index].end()) {
          conflicted[index].push_back(found->second);
          all.insert(found->second);
        }
      }
    }
  }

  [[nodiscard]] std::uint64_t common(std::uint64_t key) const {
    const auto found = unconflicted.find(key);
    return found == unconflicted.end() ? 0 : found->second;
  }

  std::vector<std::vector<std::uint64_t>> conflicted;
  State unconflicted;
  Numbers all;
};

Graph random_graph(std::mt19937_64& random, std::size_t size) {
  Graph graph;
  std::vector<std::uint64_t> events;
  const std::uint64_t keys = 2 + random() % (size / 2 + 1);
  for (std::size_t index = 0; index < size; ++index) {
    const std::uint64_t event = random() % 1'000'000 + 1;
    if (graph.nodes.contains(event)) {
      continue;
    }
    Graph::Node node;
    node.key = random() % keys + 1;
    if (!events.empty()) {
      for (std::size_t count = random() % 4; count > 0; --count) {
        // Near events mostly, as rooms have them, and some old ones.
        const std::size_t back =
            random() % 3 == 0 ? random() % events.size() : random() % std::min<std::size_t>(6, events.size());
        const std::uint64_t named = events[events.size() - 1 - back];
        if (std::ranges::find(node.auth_events, named) == node.auth_events.end()) {
          node.auth_events.push_back(named);
        }
      }
      if (random() % 2 == 0) {
        // The last event of the same key, as power levels and memberships name theirs.
        const auto last = std::find_if(events.rbegin(), events.rend(), [&](std::uint64_t other) {
          return graph.nodes.at(other).key == node.key;
        });
        if (last != events.rend() && std::ranges::find(node.auth_events, *last) == node.auth_events.end()) {
          node.auth_events.push_back(*last);
        }
      }
    }
    graph.nodes.emplace(event, node);
    events.push_back(event);
  }
  return graph;
}

/// An order in which every event comes after those it names.
std::vector<std::uint64_t> some_order(const Graph& graph, std::mt19937_64& random) {
  std::vector<std::uint64_t> waiting;
  for (const auto& [event, node] : graph.nodes) {
    waiting.push_back(event);
  }
  std::ranges::shuffle(waiting, random);
  std::vector<std::uint64_t> order;
  Numbers done;
  while (!waiting.empty()) {
    std::erase_if(waiting, [&](std::uint64_t event) {
      const auto& named = graph.nodes.at(event).auth_events;
      if (!std::ranges::all_of(named, [&](std::uint64_t other) { return done.contains(other); })) {
        return false;
      }
      done.insert(event);
      order.push_back(event);
      return true;
    });
  }
  return order;
}

AuthChainIndex build(const Graph& graph, std::mt19937_64& random) {
  AuthChainIndex index;
  for (const std::uint64_t event : some_order(graph, random)) {
    const auto& node = graph.nodes.at(event);
    EXPECT_TRUE(index.add(event, node.key, node.auth_events).has_value());
  }
  return index;
}

std::vector<std::uint64_t> sorted(const Numbers& numbers) {
  return {numbers.begin(), numbers.end()};
}

std::uint64_t some_event(const Graph& graph, std::mt19937_64& random) {
  return std::next(graph.nodes.begin(), static_cast<std::ptrdiff_t>(random() % graph.nodes.size()))->first;
}

std::vector<State> some_states(const Graph& graph, std::mt19937_64& random) {
  State common;
  for (std::size_t count = random() % graph.nodes.size(); count > 0; --count) {
    const std::uint64_t event = some_event(graph, random);
    common[graph.nodes.at(event).key] = event;
  }
  std::vector<State> states(1 + random() % 4, common);
  for (State& state : states) {
    for (std::size_t count = random() % 5; count > 0; --count) {
      const std::uint64_t event = some_event(graph, random);
      if (random() % 5 == 0) {
        state.erase(graph.nodes.at(event).key);
      } else {
        state[graph.nodes.at(event).key] = event;
      }
    }
  }
  return states;
}

TEST(AuthChainIndex, DifferencesAreThoseOfTheDefinition) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    std::mt19937_64 random{seed};
    const Graph graph = random_graph(random, 3 + seed % 70);
    const AuthChainIndex index = build(graph, random);
    for (int round = 0; round < 10; ++round) {
      const std::vector<State> states = some_states(graph, random);
      const Parts parts{states};
      const auto common = [&parts](std::uint64_t key) { return parts.common(key); };
      for (const OwnEvents own : {OwnEvents::kLeftOut, OwnEvents::kIncluded}) {
        ASSERT_EQ(index.difference(parts.conflicted, common, own).value(),
                  sorted(graph.difference(states, own)))
            << "seed " << seed << " round " << round;
      }
    }
  }
}

TEST(AuthChainIndex, SubgraphsAreThoseOfTheDefinition) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    std::mt19937_64 random{seed + 1000};
    const Graph graph = random_graph(random, 3 + seed % 70);
    const AuthChainIndex index = build(graph, random);
    for (int round = 0; round < 10; ++round) {
      Numbers conflicted;
      for (std::size_t count = random() % 7; count > 0; --count) {
        conflicted.insert(some_event(graph, random));
      }
      ASSERT_EQ(index.subgraph(sorted(conflicted)).value(), sorted(graph.subgraph(conflicted)))
          << "seed " << seed;
    }
  }
}

TEST(AuthChainIndex, KnowsWhoIsInWhoseAuthChain) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::mt19937_64 random{seed + 2000};
    const Graph graph = random_graph(random, 40);
    const AuthChainIndex index = build(graph, random);
    for (const auto& [event, node] : graph.nodes) {
      const Numbers chain = graph.chain(event);
      for (const auto& [other, unused] : graph.nodes) {
        ASSERT_EQ(index.reaches(event, other).value(), chain.contains(other));
      }
      std::uint64_t previous = 0;
      for (const std::uint64_t named : node.auth_events) {
        previous = graph.nodes.at(named).key == node.key ? named : previous;
      }
      ASSERT_EQ(index.previous_of_key(event) == 0, previous == 0);
      ASSERT_EQ(index.key(event), node.key);
    }
  }
}

TEST(AuthChainIndex, RowsGiveTheIndexBackAndItGrowsOn) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random{seed + 3000};
    const Graph graph = random_graph(random, 60);
    const std::vector<std::uint64_t> order = some_order(graph, random);
    AuthChainIndex grown;
    std::vector<AuthChainRow> places;
    std::vector<AuthLinkRow> links;
    for (std::size_t index = 0; index < order.size(); ++index) {
      const auto& node = graph.nodes.at(order[index]);
      const AuthRows rows = grown.add(order[index], node.key, node.auth_events).value();
      places.push_back(rows.place);
      links.insert(links.end(), rows.links.begin(), rows.links.end());
      if (index == order.size() / 2) {
        std::ranges::shuffle(places, random);
        std::ranges::shuffle(links, random);
        grown = AuthChainIndex::restore(places, links).value();
      }
    }
    std::vector<AuthChainRow> all_places;
    std::vector<AuthLinkRow> all_links;
    grown.rows(all_places, all_links);
    EXPECT_EQ(all_places.size(), places.size());
    EXPECT_EQ(all_links.size(), links.size());
    const AuthChainIndex again = AuthChainIndex::restore(all_places, all_links).value();
    const AuthChainIndex other_order = build(graph, random);
    for (int round = 0; round < 10; ++round) {
      const std::vector<State> states = some_states(graph, random);
      const Parts parts{states};
      const auto common = [&parts](std::uint64_t key) { return parts.common(key); };
      const auto expected = sorted(graph.difference(states, OwnEvents::kIncluded));
      ASSERT_EQ(grown.difference(parts.conflicted, common, OwnEvents::kIncluded).value(), expected);
      ASSERT_EQ(again.difference(parts.conflicted, common, OwnEvents::kIncluded).value(), expected);
      ASSERT_EQ(other_order.difference(parts.conflicted, common, OwnEvents::kIncluded).value(), expected);
    }
  }
}

TEST(AuthChainIndex, AnEventThatIsInGivesItsRowsAgain) {
  AuthChainIndex index;
  ASSERT_TRUE(index.add(1, 10, {}).has_value());
  const std::vector<std::uint64_t> named{1};
  const AuthRows first = index.add(2, 20, named).value();
  const AuthRows again = index.add(2, 20, named).value();
  EXPECT_EQ(first.place, again.place);
  EXPECT_EQ(first.links, again.links);
  EXPECT_EQ(index.size(), 2U);
}

TEST(AuthChainIndex, AsksForAuthEventsFirst) {
  AuthChainIndex index;
  const std::vector<std::uint64_t> named{1};
  EXPECT_EQ(index.add(2, 20, named).error(), (AuthChainError{AuthChainErrorCode::kUnknownEvent, 1}));
  EXPECT_EQ(index.size(), 0U);
  const std::vector<std::vector<std::uint64_t>> sets{{7}, {}};
  const auto nothing = [](std::uint64_t) { return std::uint64_t{0}; };
  EXPECT_EQ(index.difference(sets, nothing, OwnEvents::kIncluded).error().event, 7U);
}

TEST(AuthChainIndex, RefusesRowsThatNoIndexHasMade) {
  const std::vector<AuthChainRow> places{{1, 10, {1, 1}}, {2, 20, {2, 1}}};
  const std::vector<AuthLinkRow> links{{{2, 1}, {1, 1}}};
  EXPECT_TRUE(AuthChainIndex::restore(places, links).has_value());
  const auto refuses = [&](std::vector<AuthChainRow> some_places, std::vector<AuthLinkRow> some_links) {
    const auto result = AuthChainIndex::restore(some_places, some_links);
    return !result && result.error().code == AuthChainErrorCode::kMalformedRows;
  };
  EXPECT_TRUE(refuses({{1, 10, {1, 1}}, {2, 20, {3, 1}}}, {}));
  EXPECT_TRUE(refuses({{1, 10, {1, 1}}, {2, 10, {1, 3}}}, {}));
  EXPECT_TRUE(refuses({{1, 10, {1, 1}}, {2, 20, {1, 2}}}, {}));
  EXPECT_TRUE(refuses({{1, 10, {1, 1}}, {1, 10, {1, 2}}}, {}));
  EXPECT_TRUE(refuses({{0, 10, {1, 1}}}, {}));
  EXPECT_TRUE(refuses({{1, 10, {0, 1}}}, {}));
  EXPECT_TRUE(refuses({{1, 10, {1, 0}}}, {}));
  EXPECT_TRUE(refuses(places, {{{2, 1}, {3, 1}}}));
  EXPECT_TRUE(refuses(places, {{{2, 2}, {1, 1}}}));
  EXPECT_TRUE(refuses(places, {{{2, 1}, {2, 1}}}));
}

TEST(AuthChainIndex, RowsThatGoInACircleDoNotHangIt) {
  const std::vector<AuthChainRow> places{{1, 10, {1, 1}}, {2, 20, {2, 1}}, {3, 30, {3, 1}}};
  const std::vector<AuthLinkRow> links{{{2, 1}, {1, 1}}, {{1, 1}, {2, 1}}, {{3, 1}, {1, 1}}};
  const AuthChainIndex index = AuthChainIndex::restore(places, links).value();
  const std::vector<std::vector<std::uint64_t>> sets{{3}, {}};
  const auto nothing = [](std::uint64_t) { return std::uint64_t{0}; };
  EXPECT_TRUE(index.difference(sets, nothing, OwnEvents::kIncluded).has_value());
  EXPECT_TRUE(index.subgraph(std::vector<std::uint64_t>{1, 2, 3}).has_value());
  EXPECT_TRUE(index.reaches(1, 1).value());
}

}  // namespace
}  // namespace lares::matrix
