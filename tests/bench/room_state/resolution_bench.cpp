// SPDX-License-Identifier: Apache-2.0
// Resolution of forks, with the events at hand and the index built. The bars: two forks of 100,000 members
// and 1,000 conflicted events in 200 ms; 1,000,000 entries and 10 conflicted in 2 ms; the auth difference of
// the former in 1 ms.
#include "forked_room.hpp"

#include <benchmark/benchmark.h>

#include <stdexcept>
#include <unordered_set>

namespace {

using namespace lares::matrix;
using bench::ForkedRoom;

const ForkedRoom& large(std::string_view version) {
  static const ForkedRoom v11{100'000, 500, *find_room_version("11")};
  static const ForkedRoom v12{100'000, 500, *find_room_version("12")};
  return version == "11" ? v11 : v12;
}
const ForkedRoom& huge(std::string_view version) {
  static const ForkedRoom v11{1'000'000, 5, *find_room_version("11")};
  static const ForkedRoom v12{1'000'000, 5, *find_room_version("12")};
  return version == "11" ? v11 : v12;
}

void resolve(benchmark::State& state, const ForkedRoom& room) {
  std::size_t conflicted = 0;
  std::size_t refused = 0;
  for (auto _ : state) {
    Resolution resolution{room.version(), room.forks(), room.index(), room};
    ResolutionStatus status{};
    while ((status = resolution.step(256)) == ResolutionStatus::kMore) {
    }
    if (status != ResolutionStatus::kDone) {
      throw std::logic_error{"the resolution misses something"};
    }
    conflicted = resolution.decisions().size();
    refused = 0;
    for (const ResolutionDecision& decision : resolution.decisions()) {
      refused += decision.rule ? 1U : 0U;
    }
    benchmark::DoNotOptimize(resolution.result().root());
  }
  state.counters["conflicted"] = static_cast<double>(conflicted);
  state.counters["refused"] = static_cast<double>(refused);
  state.counters["entries"] = static_cast<double>(room.forks().front().size().value());
}

void Resolve1000Of100000V2(benchmark::State& state) {
  resolve(state, large("11"));
}
void Resolve1000Of100000V21(benchmark::State& state) {
  resolve(state, large("12"));
}
void Resolve10Of1000000V2(benchmark::State& state) {
  resolve(state, huge("11"));
}
void Resolve10Of1000000V21(benchmark::State& state) {
  resolve(state, huge("12"));
}
BENCHMARK(Resolve1000Of100000V2)->Unit(benchmark::kMillisecond);
BENCHMARK(Resolve1000Of100000V21)->Unit(benchmark::kMillisecond);
BENCHMARK(Resolve10Of1000000V2)->Unit(benchmark::kMillisecond);
BENCHMARK(Resolve10Of1000000V21)->Unit(benchmark::kMillisecond);

/// The conflicted events of the two forks, and the rest as the index asks for it.
struct Parts {
  explicit Parts(const ForkedRoom& room) : common{room.forks().front()} {
    sets.resize(2);
    const auto differences = StateMap::diff(room.forks()[0], room.forks()[1]).value();
    for (const StateDifference& difference : differences) {
      sets[0].push_back(difference.before.value());
      sets[1].push_back(difference.after.value());
      keys.insert(difference.key);
      all.push_back(*difference.before);
      all.push_back(*difference.after);
    }
  }
  std::vector<std::vector<std::uint64_t>> sets;
  std::unordered_set<std::uint64_t> keys;
  std::vector<std::uint64_t> all;
  const StateMap& common;
};

void AuthDifference1000Of100000(benchmark::State& state) {
  const ForkedRoom& room = large("11");
  const Parts parts{room};
  const auto unconflicted = [&](std::uint64_t key) {
    return parts.keys.contains(key) ? 0 : parts.common.find(key).value().value_or(0);
  };
  std::size_t size = 0;
  for (auto _ : state) {
    size = room.index().difference(parts.sets, unconflicted, OwnEvents::kIncluded).value().size();
  }
  state.counters["events"] = static_cast<double>(size);
}
BENCHMARK(AuthDifference1000Of100000)->Unit(benchmark::kMicrosecond);

void Subgraph1000Of100000(benchmark::State& state) {
  const ForkedRoom& room = large("12");
  const Parts parts{room};
  std::size_t size = 0;
  for (auto _ : state) {
    size = room.index().subgraph(parts.all).value().size();
  }
  state.counters["events"] = static_cast<double>(size);
}
BENCHMARK(Subgraph1000Of100000)->Unit(benchmark::kMicrosecond);

void BuildIndex100000(benchmark::State& state) {
  const ForkedRoom& room = large("11");
  std::size_t bytes = 0;
  for (auto _ : state) {
    AuthChainIndex index;
    for (const ForkedRoom::Added& added : room.added()) {
      benchmark::DoNotOptimize(index.add(added.event, added.key, added.auth_events));
    }
    bytes = index.memory_bytes() / index.size();
  }
  state.counters["bytes/event"] = static_cast<double>(bytes);
  state.counters["links/event"] = [&] {
    std::vector<AuthChainRow> places;
    std::vector<AuthLinkRow> links;
    room.index().rows(places, links);
    return static_cast<double>(links.size()) / static_cast<double>(places.size());
  }();
}
BENCHMARK(BuildIndex100000)->Unit(benchmark::kMillisecond);

void RestoreIndex100000(benchmark::State& state) {
  std::vector<AuthChainRow> places;
  std::vector<AuthLinkRow> links;
  large("11").index().rows(places, links);
  for (auto _ : state) {
    benchmark::DoNotOptimize(AuthChainIndex::restore(places, links));
  }
}
BENCHMARK(RestoreIndex100000)->Unit(benchmark::kMillisecond);

void ChangeOf100000(benchmark::State& state) {
  const StateMap map = large("11").forks().front();
  std::uint64_t key = 0;
  for (auto _ : state) {
    key = key % 100'000 + 37;
    benchmark::DoNotOptimize(map.with(key, ~key));
  }
}
BENCHMARK(ChangeOf100000)->Unit(benchmark::kNanosecond);

void FindIn100000(benchmark::State& state) {
  const StateMap map = large("11").forks().front();
  std::uint64_t key = 0;
  for (auto _ : state) {
    key = key % 100'000 + 37;
    benchmark::DoNotOptimize(map.find(key));
  }
}
BENCHMARK(FindIn100000)->Unit(benchmark::kNanosecond);

void DiffOf500In100000(benchmark::State& state) {
  const auto& forks = large("11").forks();
  for (auto _ : state) {
    benchmark::DoNotOptimize(StateMap::diff(forks[0], forks[1]));
  }
}
BENCHMARK(DiffOf500In100000)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
