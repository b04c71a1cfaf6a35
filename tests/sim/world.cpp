// SPDX-License-Identifier: Apache-2.0
#include "world.hpp"

#include <storage/sqlite/options.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <utility>

#include <unistd.h>

namespace lares::sim {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t kMostFaults = 5;
constexpr std::chrono::hours kStuck{1};

}  // namespace

World::World(std::uint64_t seed, Hours hours)
    : runtime_{seed, 3}, actors_{runtime_, "actors"}, hours_{hours} {
  namespace fs = std::filesystem;
  const fs::path memory{"/dev/shm"};
  std::string pattern = (fs::exists(memory) ? memory : fs::temp_directory_path()) / "lares-sim-XXXXXX";
  folder_ = ::mkdtemp(pattern.data());
  storage::sqlite::SqliteOptions options;
  options.path = folder_ + "/sim.db";
  options.without_threads = true;
  options.take_lock = false;
  options.before_statement = [this](std::string_view) { fuse_.before_statement(); };
  database_ = storage::sqlite::open_sqlite(options, runtime_);
  faults_ = {.fails_percent = runtime_.chance(50) ? 2 : 0,
             .cut_percent = runtime_.chance(50) ? 2 : 0,
             .unknown_percent = runtime_.chance(50) ? 5 : 0,
             .held_percent = runtime_.chance(50) ? 25 : 0};
}

World::~World() {
  processes_.clear();
  graves_.clear();
  database_.reset();
  std::filesystem::remove_all(folder_);
}

Outcome World::run() {
  play(migrate());
  reshard();
  for (const char* instance : kInstances) {
    spawn(actors_, Background{"start"}, keep_running(instance), &runtime_.loop(0));
  }
  play(settle());
  const bool settled = outcome_.faults.empty();
  over_ = !settled;
  if (settled) {
    begin();
    spawn(actors_, Background{"trouble"}, make_trouble(), &runtime_.loop(1));
  }
  const SteadyTime stuck = runtime_.steady_now() + kStuck;
  runtime_.run_until([this, stuck] { return actors_.size() == 0 || runtime_.steady_now() > stuck; });
  if (actors_.size() != 0) {
    fault(fmt::format("{} actors are stuck", actors_.size()));
  }
  if (settled) {
    play(judge());
  }
  play(end());
  return std::move(outcome_);
}

Process* World::find(std::string_view instance) {
  const auto at = processes_.find(instance);
  return at == processes_.end() || !at->second->ready() ? nullptr : at->second.get();
}

void World::fault(std::string sentence) {
  if (outcome_.faults.size() < kMostFaults) {
    outcome_.faults.push_back(fmt::format("{} ms: {}", runtime_.now_ms(), sentence));
  }
}

Process::Parts World::parts() {
  return {.runtime = runtime_,
          .town = *this,
          .network = network_,
          .database = *database_,
          .fuse = fuse_,
          .held = held_,
          .faults = troubled_ ? faults_ : FaultyDatabase::Faults{}};
}

Process* World::any_process() {
  return find(kInstances[static_cast<std::size_t>(runtime_.between(0, kInstances.size() - 1))]);
}

std::vector<std::string> World::some_instances() {
  std::vector<std::string> some;
  while (some.empty()) {
    for (const char* instance : kInstances) {
      if (runtime_.chance(50)) {
        some.emplace_back(instance);
      }
    }
  }
  return some;
}

Task<void> World::step(Task<void> task) {
  try {
    co_await std::move(task);
  } catch (const std::exception& error) {
    fault(fmt::format("a step failed: {}", error.what()));
  }
}

void World::play(Task<void> task) {
  TaskGroup group{runtime_, "play"};
  spawn(group, Background{"play"}, step(std::move(task)), &runtime_.loop(0));
  const SteadyTime stuck = runtime_.steady_now() + kStuck;
  if (!runtime_.run_until([&] { return group.size() == 0 || runtime_.steady_now() > stuck; }) ||
      group.size() != 0) {
    fault("a step does not end");
  }
}

Task<void> World::migrate() {
  co_await storage::migrate(*database_, schemas(), runtime_.now_ms());
}

// What a service manager does.
Task<void> World::keep_running(std::string instance) {
  while (!over_) {
    co_await runtime_.sleep_for(milliseconds{runtime_.between(0, 500)});
    std::unique_ptr<Process> process;
    try {
      process = make(instance);
    } catch (const StartError& error) {
      fault(fmt::format("{} cannot be made: {}", instance, error.what()));
      co_return;
    }
    Process& own = *process;
    processes_[instance] = std::move(process);
    try {
      co_await own.start();
    } catch (const std::exception&) {
      own.kill();
    }
    while (own.alive() && !over_) {
      co_await runtime_.sleep_for(milliseconds{20});
    }
    if (!own.alive()) {
      ++outcome_.kills;
      co_await runtime_.sleep_for(milliseconds{runtime_.between(0, 1500)});
      graves_.push_back(std::move(processes_[instance]));
      processes_.erase(instance);
    }
  }
}

Task<void> World::make_trouble() {
  const SteadyTime end = runtime_.steady_now() + hours_.trouble;
  while (runtime_.steady_now() < end) {
    co_await runtime_.sleep_for(milliseconds{runtime_.between(100, 2500)});
    switch (runtime_.between(0, 5)) {
      case 0:
      case 1:
        if (Process* const process = any_process()) {
          process->kill();
        }
        break;
      case 2:
        reshard();
        ++outcome_.reshardings;
        for (const char* instance : kInstances) {
          co_await runtime_.sleep_for(milliseconds{runtime_.between(0, 1500)});
          if (Process* const process = find(instance)) {
            process->kill();
          }
        }
        break;
      default:
        if (Process* const process = any_process()) {
          process->transport().lose();
          ++outcome_.losses;
        }
    }
  }
  troubled_ = false;
  for (const auto& [instance, process] : processes_) {
    process->faultless();
  }
  co_await runtime_.sleep_for(hours_.peace / 3);
  quiet_ = true;
  co_await runtime_.sleep_for(hours_.peace * 2 / 3);
  over_ = true;
}

Task<void> World::end() {
  for (auto& [instance, process] : processes_) {
    process->kill();
    graves_.push_back(std::move(process));
  }
  processes_.clear();
  for (const auto& process : graves_) {
    co_await process->end();
  }
}

}  // namespace lares::sim
