// SPDX-License-Identifier: Apache-2.0
#include "sample_events.hpp"

#include <benchmark/benchmark.h>
#include <lares/crypto/hash.hpp>
#include <lares/matrix/client_event.hpp>
#include <lares/matrix/event_signatures.hpp>

#include <functional>
#include <thread>
#include <vector>

namespace {

using namespace lares;

const matrix::RoomVersion& version() {
  return *matrix::find_room_version("11");
}

class OneKey : public matrix::KeyLookup {
 public:
  std::optional<matrix::KnownKey> find(std::string_view, std::string_view) const override { return key_; }

 private:
  matrix::KnownKey key_{bench::sample_key().public_key(), INT64_MAX};
};

/// Received bytes to an event: strict JSON, canonical form, all checks of fields, content hash, reference
/// hash.
void ParseAndValidate(benchmark::State& state) {
  const matrix::EventPtr event = bench::sample_event();
  const std::string text = bench::as_received(*event);
  for (auto _ : state) {
    auto parsed = matrix::Event::parse(text, version());
    if (!parsed || parsed->redacted_for_hash) {
      state.SkipWithError("refused");
    }
    benchmark::DoNotOptimize(parsed);
  }
  state.counters["bytes"] = static_cast<double>(text.size());
  state.counters["bytes_in_memory"] = static_cast<double>(event->memory_bytes());
  state.counters["header_bytes"] = static_cast<double>(event->header().size());
}
BENCHMARK(ParseAndValidate);

void RestoreStored(benchmark::State& state) {
  const matrix::EventPtr event = bench::sample_event();
  const std::string header = event->header();
  for (auto _ : state) {
    benchmark::DoNotOptimize(matrix::Event::restore(event->bytes(), header, version()));
  }
}
BENCHMARK(RestoreStored);

/// A draft to a signed event.
void HashAndSign(benchmark::State& state) {
  const matrix::EventDraft draft = bench::sample_draft();
  const auto server = bench::sample_server();
  const auto key = bench::sample_key();
  for (auto _ : state) {
    benchmark::DoNotOptimize(matrix::build_event(draft, version(), server, key));
  }
}
BENCHMARK(HashAndSign);

void HashWithoutSigning(benchmark::State& state) {
  const matrix::EventDraft draft = bench::sample_draft();
  for (auto _ : state) {
    benchmark::DoNotOptimize(matrix::build_unsigned(draft, version()));
  }
}
BENCHMARK(HashWithoutSigning);

void VerifySignatures(benchmark::State& state) {
  const matrix::EventPtr event = bench::sample_event();
  const OneKey keys;
  for (auto _ : state) {
    if (!verify_event_signatures(*event, keys)) {
      state.SkipWithError("refused");
    }
  }
}
BENCHMARK(VerifySignatures);

/// What the library reaches by itself: the bound of VerifySignatures.
void Ed25519Verify(benchmark::State& state) {
  const auto key = bench::sample_key();
  const std::string message = signed_bytes(*bench::sample_event());
  const auto signature = key.sign(message);
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::verify_ed25519(key.public_key(), message, signature));
  }
}
BENCHMARK(Ed25519Verify);

void Ed25519Sign(benchmark::State& state) {
  const auto key = bench::sample_key();
  const std::string message = signed_bytes(*bench::sample_event());
  for (auto _ : state) {
    benchmark::DoNotOptimize(key.sign(message));
  }
}
BENCHMARK(Ed25519Sign);

/// A hundred events on as many threads as the argument says; the time is that of the whole batch.
void VerifyHundred(benchmark::State& state) {
  const matrix::EventPtr event = bench::sample_event();
  const OneKey keys;
  const auto threads = static_cast<std::size_t>(state.range(0));
  std::vector<matrix::SignatureTask> tasks(100);
  for (auto& task : tasks) {
    task.event = event.get();
  }
  for (auto _ : state) {
    verify_event_signatures(tasks, keys, [&](std::size_t count, const std::function<void(std::size_t)>& run) {
      std::vector<std::jthread> workers;
      for (std::size_t worker = 0; worker < threads; ++worker) {
        workers.emplace_back([&, worker] {
          for (std::size_t i = worker; i < count; i += threads) {
            run(i);
          }
        });
      }
    });
  }
}
BENCHMARK(VerifyHundred)->Arg(1)->Arg(2)->UseRealTime();

void Sha256OfOneKilobyte(benchmark::State& state) {
  const std::string text(1024, 'x');
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::sha256(text));
  }
}
BENCHMARK(Sha256OfOneKilobyte);

void ClientForm(benchmark::State& state) {
  const matrix::EventPtr event = bench::sample_event();
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_client_event(out, *event, {.unsigned_json = R"({"age":5})"});
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(ClientForm);

void Redact(benchmark::State& state) {
  const matrix::EventPtr event = bench::sample_event();
  for (auto _ : state) {
    benchmark::DoNotOptimize(redact(*event));
  }
}
BENCHMARK(Redact);

}  // namespace
