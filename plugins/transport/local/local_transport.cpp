// SPDX-License-Identifier: Apache-2.0
#include "local_transport.hpp"

#include <lares/async/promise.hpp>

#include <utility>

namespace lares::local {

LocalExchange::LocalExchange(Runtime& runtime) : state_(std::make_shared<State>(runtime.loop(0))) {}

LocalTransport::LocalTransport(Server& server, LocalExchange& exchange)
    : exchange_(exchange.state_), self_(std::make_shared<LocalExchange::Member>(server.runtime().loop(0))) {}

LocalTransport::~LocalTransport() = default;

void LocalTransport::open(stream::TransportListener& listener) {
  self_->listener = &listener;
  exchange_->loop.post([exchange = exchange_, self = self_] {
    exchange->members.push_back(self);
    // Behind this comes whatever the others publish from here on.
    self->loop.post([self] {
      if (self->listener != nullptr) {
        self->connected.store(true, std::memory_order_release);
        self->listener->transport_connected();
      }
    });
  });
}

void LocalTransport::publish(std::string line) {
  if (!self_->connected.load(std::memory_order_acquire)) {
    return;
  }
  exchange_->loop.post([exchange = exchange_, from = self_, line = std::move(line)] {
    for (const auto& member : exchange->members) {
      if (member != from) {
        member->loop.post([member, line] {
          if (member->listener != nullptr) {
            member->listener->received(line);
          }
        });
      }
    }
  });
}

Task<void> LocalTransport::close() noexcept {
  self_->listener = nullptr;
  self_->connected.store(false, std::memory_order_release);
  Promise<void> left;
  const Future<void> done = left.future();
  exchange_->loop.post([exchange = exchange_, self = self_, left = std::move(left)]() mutable {
    std::erase(exchange->members, self);
    left.set();
  });
  co_await done.get();
}

}  // namespace lares::local
