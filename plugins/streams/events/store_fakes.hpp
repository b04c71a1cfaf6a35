// SPDX-License-Identifier: Apache-2.0
// What stands around the store in its tests.
#pragma once

#include <lares/crypto/ed25519.hpp>
#include <lares/service/cache_stream.hpp>
#include <lares/service/event_sink.hpp>
#include <lares/service/server_keys.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>
#include <lares/stream/hub.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lares::events {

/// A process that is alone, whose row in `writers` is there.
class OneProcess : public stream::Hub {
 public:
  [[nodiscard]] stream::WriterNumber self() const noexcept override { return 1; }
  Task<stream::WriterNumber> writer_number(std::string) override { co_return 1; }
  [[nodiscard]] std::int64_t incarnation_position() const noexcept override { return 0; }
  Task<std::int64_t> memory_start(stream::StreamNumber) override { co_return 0; }
  void lock_writer(storage::WriteTransaction& tx) override {
    static constexpr storage::Statement kRow{"SELECT 1 FROM number_blocks LIMIT 1"};
    (void)tx.any(kRow);
  }
  Task<void> confirm_writer() override {
    if (replaced) {
      throw storage::Unavailable{"Another process has taken over."};
    }
    co_return;
  }
  std::int64_t draw(storage::WriteTransaction&, std::string_view, std::int64_t) override { return 0; }
  std::int64_t drawn(storage::ReadTransaction&, std::string_view) override { return 0; }
  void committed(stream::StreamNumber, std::int64_t, std::function<std::vector<stream::Row>()>) override {}
  void published(std::string_view, std::int64_t, std::function<std::vector<stream::Row>()>) override {}
  [[nodiscard]] bool connected() const noexcept override { return true; }
  [[nodiscard]] stream::Token now() const override { return {}; }
  [[nodiscard]] stream::StreamPosition position(stream::StreamNumber) const override { return {}; }
  Task<bool> reached(stream::StreamNumber, stream::WriterNumber, std::int64_t,
                     std::chrono::milliseconds) override {
    co_return true;
  }
  Task<bool> reached(stream::StreamNumber, stream::StreamPosition, std::chrono::milliseconds) override {
    co_return true;
  }
  Task<stream::Token> believed(stream::Token token, bool&) override { co_return token; }

  bool replaced = false;

 protected:
  void opened(stream::StreamNumber, int) noexcept override {}
};

class Keys final : public service::ServerKeys {
 public:
  Keys() {
    crypto::Ed25519Seed seed{};
    seed.fill(7);
    key_.emplace("0", seed);
  }
  [[nodiscard]] const matrix::ServerName& server_name() const noexcept override { return name_; }
  [[nodiscard]] const crypto::SigningKey& signing_key() const noexcept override { return *key_; }

 private:
  matrix::ServerName name_ = *matrix::ServerName::parse("a.example");
  std::optional<crypto::SigningKey> key_;
};

/// Notes each transaction of the persister, as its last part; and fails those with an event that says so.
class Observer final : public service::EventSink {
 public:
  struct Batch {
    std::size_t events;
    std::uint32_t calls;
  };
  Task<void> prepare(std::span<const service::StoredEventPtr>, std::span<service::EventMarks>) override {
    co_return;
  }
  void write(storage::WriteTransaction& tx, std::span<const service::StoredEventPtr> events) override {
    batches.push_back({events.size(), tx.calls()});
    for (const service::StoredEventPtr& event : events) {
      if (event->event->content()["body"].equals("bad")) {
        throw std::runtime_error{"a bad event"};
      }
    }
  }
  void committed(std::span<const service::StoredEventPtr>) noexcept override {}

  std::vector<Batch> batches;
};

class CacheInvalidations final : public service::CacheStream {
 public:
  void add(std::string_view cache, Drop drop) override { drops_[std::string{cache}] = std::move(drop); }
  std::int64_t invalidate(storage::WriteTransaction&, std::string_view, std::string_view,
                          std::int64_t) override {
    return 1;
  }
  void committed(std::string_view cache, std::string_view key, std::int64_t) override {
    drops_.at(std::string{cache})(key);
  }
  [[nodiscard]] bool connected() const noexcept override { return true; }

 private:
  std::map<std::string, Drop> drops_;
};

}  // namespace lares::events
