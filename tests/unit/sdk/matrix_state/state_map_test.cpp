// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/state_map.hpp>

#include "memory_store.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

namespace lares::matrix {
namespace {

using test::MemoryStore;
using Model = std::map<std::uint64_t, std::uint64_t>;

std::vector<StateChange> entries_of(const Model& model) {
  std::vector<StateChange> out;
  for (const auto& [key, value] : model) {
    out.push_back({key, value});
  }
  return out;
}

Model read(const StateMap& map, NodeStore* store = nullptr) {
  Model model;
  std::uint64_t last = 0;
  const auto done = map.for_each(
      [&](std::uint64_t key, std::uint64_t value) {
        EXPECT_TRUE(model.empty() || last < key) << "keys ascend";
        last = key;
        model.emplace(key, value);
        return true;
      },
      store);
  EXPECT_TRUE(done.has_value());
  return model;
}

/// Keys as rooms have them: near each other, in heaps far apart, or anywhere.
std::uint64_t some_key(std::mt19937_64& random, int kind) {
  switch (kind) {
    case 0:
      return random() % 400;
    case 1:
      return (random() % 5) * 1'000'003 + random() % 64;
    case 2:
      return std::uint64_t{1} << (random() % 64);
    default:
      return random();
  }
}

TEST(StateMap, TheEmptyMapHasNothingAndNeedsNoStore) {
  const StateMap map;
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.size().value(), 0U);
  EXPECT_EQ(map.find(7).value(), std::nullopt);
  EXPECT_EQ(map.root(), NodeId{0});
  std::vector<StateBlock> blocks;
  EXPECT_EQ(map.save(1, blocks), NodeId{0});
  EXPECT_TRUE(blocks.empty());
  EXPECT_TRUE(StateMap::open(0).empty());
}

TEST(StateMap, AChangeLeavesTheMapItCameFromAsItWas) {
  const StateMap before = StateMap::from(std::vector<StateChange>{{1, 10}, {2, 20}});
  const StateMap after = before.with(2, 21).value().without(1).value();
  EXPECT_EQ(read(before), (Model{{1, 10}, {2, 20}}));
  EXPECT_EQ(read(after), (Model{{2, 21}}));
}

TEST(StateMap, OfTwoChangesOfOneKeyTheLaterHolds) {
  const StateMap map =
      StateMap{}.with(std::vector<StateChange>{{5, 1}, {3, 1}, {5, 2}, {3, std::nullopt}}).value();
  EXPECT_EQ(read(map), (Model{{5, 2}}));
}

TEST(StateMap, AChangeThatChangesNothingGivesTheSameTree) {
  MemoryStore store;
  Model model;
  for (std::uint64_t key = 0; key < 500; ++key) {
    model[key * 7] = key;
  }
  const StateMap map = StateMap::from(entries_of(model));
  const NodeId root = store.save(map);
  EXPECT_EQ(map.with(70, 10).value().root(), root);
  EXPECT_EQ(map.without(71).value().root(), root);
  EXPECT_EQ(map.with(std::vector<StateChange>{{70, 10}, {71, std::nullopt}}).value().root(), root);
}

TEST(StateMap, AgreesWithAnOrderedMapOverRandomHistories) {
  for (int kind = 0; kind < 4; ++kind) {
    std::mt19937_64 random{static_cast<std::uint64_t>(kind) + 1};
    Model model;
    StateMap map;
    for (int round = 0; round < 600; ++round) {
      std::vector<StateChange> changes;
      const bool shrink = (round / 100) % 2 == 1;
      for (std::size_t count = random() % 6 + 1; count > 0; --count) {
        std::uint64_t key = some_key(random, kind);
        if (shrink && !model.empty() && random() % 4 != 0) {
          auto near = model.lower_bound(key);
          key = near == model.end() ? model.begin()->first : near->first;
        }
        changes.push_back(
            {key, random() % (shrink ? 6 : 2) == 0 ? std::optional{random() % 1000} : std::nullopt});
        if (!shrink && !changes.back().value) {
          changes.back().value = random();
        }
      }
      for (const StateChange& change : changes) {
        if (change.value) {
          model[change.key] = *change.value;
        } else {
          model.erase(change.key);
        }
      }
      const StateMap before = map;
      map = map.with(changes).value();
      ASSERT_EQ(map.size().value(), model.size());
      if (round % 20 == 0) {
        ASSERT_EQ(read(map), model);
        for (const auto& [key, value] : model) {
          ASSERT_EQ(map.find(key).value(), value);
        }
      }
    }
  }
}

TEST(StateMap, TheTreeFollowsFromTheEntriesWhateverTheHistory) {
  for (int kind = 0; kind < 4; ++kind) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      std::mt19937_64 random{seed * 4 + static_cast<std::uint64_t>(kind)};
      Model model;
      StateMap grown;
      const std::uint64_t most_removals = random() % 100;
      for (std::uint64_t rounds = random() % 200; rounds > 0; --rounds) {
        std::vector<StateChange> changes;
        for (std::size_t count = random() % 9; count > 0; --count) {
          if (!model.empty() && random() % 100 < most_removals) {
            const auto near = model.lower_bound(some_key(random, kind));
            changes.push_back({near == model.end() ? model.begin()->first : near->first, std::nullopt});
            model.erase(changes.back().key);
          } else {
            changes.push_back({some_key(random, kind), random() % 5000});
            model[changes.back().key] = *changes.back().value;
          }
        }
        grown = grown.with(changes).value();
      }
      // Nothing was saved before, so the blocks are the whole trees.
      std::vector<StateBlock> of_grown;
      std::vector<StateBlock> of_made;
      static_cast<void>(grown.save(1, of_grown));
      static_cast<void>(StateMap::from(entries_of(model)).save(1, of_made));
      ASSERT_EQ(of_grown, of_made);
    }
  }
}

TEST(StateMap, DifferencesAreThoseOfTheEntries) {
  for (int kind = 0; kind < 4; ++kind) {
    std::mt19937_64 random{static_cast<std::uint64_t>(kind) + 21};
    for (int round = 0; round < 60; ++round) {
      Model a;
      for (std::size_t count = random() % 900; count > 0; --count) {
        a[some_key(random, kind)] = random() % 50;
      }
      Model b = a;
      for (std::size_t count = random() % 40; count > 0; --count) {
        const std::uint64_t key = some_key(random, kind);
        if (random() % 2 == 0) {
          b[key] = random() % 50;
        } else if (auto near = b.lower_bound(key); near != b.end()) {
          b.erase(near);
        }
      }
      std::vector<StateDifference> expected;
      Model all = a;
      all.insert(b.begin(), b.end());
      for (const auto& [key, unused] : all) {
        const auto of_a = a.find(key);
        const auto of_b = b.find(key);
        const auto before = of_a == a.end() ? std::nullopt : std::optional{of_a->second};
        const auto after = of_b == b.end() ? std::nullopt : std::optional{of_b->second};
        if (before != after) {
          expected.push_back({key, before, after});
        }
      }
      const StateMap map_a = StateMap::from(entries_of(a));
      std::vector<StateChange> changes;
      for (const StateDifference& difference : expected) {
        changes.push_back({difference.key, difference.after});
      }
      const StateMap map_b = map_a.with(changes).value();
      ASSERT_EQ(read(map_b), b);
      ASSERT_EQ(StateMap::diff(map_a, map_b).value(), expected);
      ASSERT_EQ(StateMap::diff(map_a, StateMap::from(entries_of(b))).value(), expected);
      ASSERT_TRUE(StateMap::equal(map_b, StateMap::from(entries_of(b))).value());

      // The same from a store that has both, by maps that know nothing yet.
      MemoryStore store;
      const NodeId root_a = store.save(map_a);
      const NodeId root_b = store.save(map_b);
      ASSERT_EQ(StateMap::diff(StateMap::open(root_a), StateMap::open(root_b), &store).value(), expected);
    }
  }
}

TEST(StateMap, ComparingSavedMapsLoadsOnlyWhatDiffersAndLevelByLevel) {
  MemoryStore store;
  Model model;
  for (std::uint64_t key = 0; key < 100'000; ++key) {
    model[key * 3] = key;
  }
  const StateMap before = StateMap::from(entries_of(model));
  const NodeId root_before = store.save(before);
  std::vector<StateChange> changes;
  for (std::uint64_t index = 0; index < 10; ++index) {
    changes.push_back({index * 29'000, index + 1});
  }
  const NodeId root_after = store.save(before.with(changes).value());
  store.questions = 0;
  store.asked = 0;
  const auto differences = StateMap::diff(StateMap::open(root_before), StateMap::open(root_after), &store);
  EXPECT_EQ(differences.value().size(), 10U);
  EXPECT_LE(store.questions, 6U);
  EXPECT_LE(store.asked, 80U);
}

TEST(StateMap, AMapThatWasNeverSeenIsLoadedWithOneQuestionForEachLevel) {
  MemoryStore store;
  StateMap map;
  std::mt19937_64 random{5};
  Model model;
  NodeId root = 0;
  for (std::uint64_t index = 0; index < 20'000; ++index) {
    const std::uint64_t key = random() % 5'000'000;
    map = map.with(key, index).value();
    model[key] = index;
    root = store.save(map);
  }
  const StateMap opened = StateMap::open(root);
  ASSERT_TRUE(opened.load_all(store).has_value());
  EXPECT_LE(store.questions, 6U);
  EXPECT_EQ(read(opened), model);
  EXPECT_TRUE(StateMap::equal(map, opened).value());
  EXPECT_EQ(opened.root(), root);
}

TEST(StateMap, AnOpenedMapIsChangedWithoutLoadingTheRestOfIt) {
  MemoryStore store;
  Model model;
  for (std::uint64_t key = 0; key < 50'000; ++key) {
    model[key * 5] = key;
  }
  const NodeId root = store.save(StateMap::from(entries_of(model)));
  const StateMap opened = StateMap::open(root);
  store.questions = 0;
  const StateMap changed = opened.with(std::vector<StateChange>{{25, 1}, {100'001, 2}}, &store).value();
  EXPECT_LE(store.questions, 5U);
  const std::size_t blocks = store.blocks.size();
  const NodeId changed_root = store.save(changed);
  EXPECT_EQ(store.blocks.size(), blocks + 1) << "a change of a few entries is one block";
  model[25] = 1;
  model[100'001] = 2;
  EXPECT_EQ(read(StateMap::open(changed_root), &store), model);
  EXPECT_EQ(StateMap::open(changed_root).size(&store).value(), model.size());
}

TEST(StateMap, RemovingFromAnOpenedMapGivesTheTreeOfTheRest) {
  for (int kind = 0; kind < 4; ++kind) {
    std::mt19937_64 random{static_cast<std::uint64_t>(kind) + 31};
    Model model;
    for (int count = 0; count < 500; ++count) {
      model[some_key(random, kind)] = random() % 100;
    }
    MemoryStore store;
    NodeId root = store.save(StateMap::from(entries_of(model)));
    while (!model.empty()) {
      std::vector<StateChange> changes;
      for (std::size_t count = random() % 12 + 1; count > 0 && !model.empty(); --count) {
        auto near = model.lower_bound(some_key(random, kind));
        near = near == model.end() ? model.begin() : near;
        changes.push_back({near->first, std::nullopt});
        model.erase(near);
      }
      const StateMap changed = StateMap::open(root).with(changes, &store).value();
      root = store.save(changed);
      const StateMap again = StateMap::open(root);
      ASSERT_EQ(read(again, &store), model);
      ASSERT_EQ(StateMap::diff(again, StateMap::from(entries_of(model))).value().size(), 0U);
      // Growing from here gives what growing from scratch gives, so the shape was right too.
      std::vector<StateBlock> blocks;
      const StateMap rebuilt = StateMap::from(entries_of(model));
      ASSERT_EQ(again.size().value(), rebuilt.size().value());
    }
    EXPECT_EQ(root, NodeId{0});
  }
}

TEST(StateMap, KeepsTheWholeRangeOfNumbers) {
  const std::uint64_t most = ~std::uint64_t{0};
  Model model{{0, most}, {1, 0}, {most, most}, {most - 1, 0}, {std::uint64_t{1} << 63U, 5}};
  for (std::uint64_t index = 0; index < 40; ++index) {
    model[most - index * index] = most - index;
    model[index * index] = index;
  }
  MemoryStore store;
  const NodeId root = store.save(StateMap::from(entries_of(model)));
  EXPECT_EQ(read(StateMap::open(root), &store), model);
}

TEST(StateMap, WithoutAStoreNamesTheNodeThatIsMissing) {
  MemoryStore store;
  const NodeId root = store.save(StateMap::from(std::vector<StateChange>{{1, 1}}));
  const auto found = StateMap::open(root).find(1);
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error(), (StateMapError{StateMapErrorCode::kNotLoaded, root}));
  store.blocks.clear();
  EXPECT_EQ(StateMap::open(root).find(1, &store).error().code, StateMapErrorCode::kNodeMissing);
  store.blocks[block_of(root)] = "nonsense";
  EXPECT_EQ(StateMap::open(root).find(1, &store).error().code, StateMapErrorCode::kNodeMalformed);
}

TEST(StateMap, RefusesBlockNumbersThatAreTaken) {
  std::vector<StateBlock> blocks;
  Model model;
  for (std::uint64_t key = 0; key < 300; ++key) {
    model[key] = key;
  }
  const StateMap map = StateMap::from(entries_of(model));
  EXPECT_THROW(static_cast<void>(map.save(0, blocks)), std::invalid_argument);
  static_cast<void>(map.save(7, blocks));
  EXPECT_THROW(static_cast<void>(map.with(1, 2).value().save(7, blocks)), std::invalid_argument);
}

TEST(StateMap, BlocksStaySmallAndNumbersFollowEachOther) {
  MemoryStore store;
  Model model;
  std::mt19937_64 random{3};
  for (std::uint64_t index = 0; index < 30'000; ++index) {
    model[random()] = random();
  }
  store.save(StateMap::from(entries_of(model)));
  EXPECT_EQ(store.blocks.begin()->first, 1U);
  EXPECT_EQ(store.blocks.rbegin()->first, store.blocks.size());
  EXPECT_LT(store.largest, 2000U);
}

TEST(StateMap, NamesTheBlocksThatNoKeptMapNeeds) {
  std::mt19937_64 random{9};
  MemoryStore store;
  std::vector<NodeId> roots;
  std::vector<Model> models;
  StateMap map;
  Model model;
  for (int round = 0; round < 300; ++round) {
    std::vector<StateChange> changes;
    for (int count = 0; count < (round == 0 ? 400 : 2); ++count) {
      changes.push_back({random() % 3000, random() % 9999});
      model[changes.back().key] = *changes.back().value;
    }
    map = map.with(changes).value();
    roots.push_back(store.save(map));
    models.push_back(model);
  }
  std::vector<StateMap> dropped;
  std::vector<StateMap> kept;
  std::vector<std::size_t> kept_at;
  for (std::size_t index = 0; index < roots.size(); ++index) {
    if (index % 50 == 7) {
      kept.push_back(StateMap::open(roots[index]));
      kept_at.push_back(index);
    } else {
      dropped.push_back(StateMap::open(roots[index]));
    }
  }
  const auto gone = StateMap::blocks_not_in(dropped, kept, &store).value();
  EXPECT_GT(gone.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(gone));
  for (const BlockId block : gone) {
    EXPECT_EQ(store.blocks.erase(block), 1U);
  }
  for (std::size_t index = 0; index < kept.size(); ++index) {
    EXPECT_EQ(read(StateMap::open(roots[kept_at[index]]), &store), models[kept_at[index]]);
  }
  // Nothing that is left could go as well: each block is needed by a kept map.
  std::vector<StateMap> all;
  for (const std::size_t index : kept_at) {
    all.push_back(StateMap::open(roots[index]));
  }
  EXPECT_EQ(StateMap::blocks_not_in(all, {}, &store).value().size(), store.blocks.size());
}

TEST(StateMap, ThreadsMayLoadOneMapAtTheSameTime) {
  MemoryStore store;
  Model model;
  for (std::uint64_t key = 0; key < 5'000; ++key) {
    model[key * 11] = key;
  }
  const StateMap map = StateMap::open(store.save(StateMap::from(entries_of(model))));
  const auto work = [&](std::uint64_t offset) {
    MemoryStore own;
    own.blocks = store.blocks;
    const StateMap copy = map;
    for (std::uint64_t key = 0; key < 5'000; ++key) {
      const std::uint64_t at = (key + offset) % 5'000;
      EXPECT_EQ(copy.find(at * 11, &own).value(), at);
      EXPECT_EQ(map.find(at * 11, &own).value(), at);
    }
  };
  std::thread other{work, 2'500};
  work(0);
  other.join();
}

TEST(StateMap, LooksForWhatIsInMemoryWhileAnotherThreadLoads) {
  MemoryStore store;
  StateMap made;
  for (std::uint64_t key = 0; key < 100; ++key) {
    made = made.with(key * 11, key).value();
  }
  const NodeId root = store.save(made);
  std::atomic<int> round{0};
  std::atomic<int> done{0};
  std::optional<StateMap> map;
  constexpr int kRounds = 5'000;
  std::thread other{[&] {
    MemoryStore own = store;
    for (int turn = 1; turn <= kRounds; ++turn) {
      while (round.load() < turn) {
      }
      EXPECT_EQ(map->find(550, &own).value(), 50U);
      done.store(turn);
    }
  }};
  for (int turn = 1; turn <= kRounds; ++turn) {
    map = StateMap::open(root);
    round.store(turn);
    for (bool found = false; !found;) {
      const auto value = map->find(550, nullptr);
      found = value.has_value();
      EXPECT_TRUE(found ? *value == 50U : value.error().code == StateMapErrorCode::kNotLoaded);
    }
    while (done.load() < turn) {
    }
  }
  other.join();
}

}  // namespace
}  // namespace lares::matrix
