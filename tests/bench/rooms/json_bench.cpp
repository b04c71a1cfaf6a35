// SPDX-License-Identifier: Apache-2.0
#include "sample_events.hpp"

#include <benchmark/benchmark.h>
#include <lares/json/canonical.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace lares;

void canonical_json(benchmark::State& state, const std::string& text) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    if (!json::canonicalise_to(out, text)) {
      state.SkipWithError("refused");
    }
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
  state.counters["bytes"] = static_cast<double>(text.size());
}

void CanonicalJsonOfReceivedEvent(benchmark::State& state) {
  canonical_json(state, bench::as_received(*bench::sample_event()));
}
BENCHMARK(CanonicalJsonOfReceivedEvent);

void CanonicalJsonOfCanonicalEvent(benchmark::State& state) {
  canonical_json(state, std::string{bench::sample_event()->bytes()});
}
BENCHMARK(CanonicalJsonOfCanonicalEvent);

void CanonicalJsonOfEventWithSpaces(benchmark::State& state) {
  canonical_json(state, nlohmann::json::parse(bench::sample_event()->bytes()).dump(1));
}
BENCHMARK(CanonicalJsonOfEventWithSpaces);

void ScanOfReceivedEvent(benchmark::State& state) {
  const std::string text = bench::as_received(*bench::sample_event());
  for (auto _ : state) {
    benchmark::DoNotOptimize(json::scan(text));
  }
}
BENCHMARK(ScanOfReceivedEvent);

void CanonicalJsonByNlohmann(benchmark::State& state) {
  const std::string text = bench::as_received(*bench::sample_event());
  for (auto _ : state) {
    benchmark::DoNotOptimize(nlohmann::json::parse(text).dump());
  }
}
BENCHMARK(CanonicalJsonByNlohmann);

}  // namespace
