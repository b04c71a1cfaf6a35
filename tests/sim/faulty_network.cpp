// SPDX-License-Identifier: Apache-2.0
#include "faulty_network.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace lares::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;

FaultyTransport::FaultyTransport(VirtualRuntime& runtime, FaultyNetwork& network)
    : at_{runtime}, network_{network}, tasks_{runtime, "simulated transport"} {
  network_.all_.push_back(this);
}

FaultyTransport::~FaultyTransport() {
  std::erase(network_.all_, this);
}

void FaultyTransport::open(stream::TransportListener& listener) {
  listener_ = &listener;
  spawn(tasks_, Background{"network"}, connect(), &at_.loop(0));
}

Task<void> FaultyTransport::connect() {
  co_await at_.sleep_for(milliseconds{at_.between(0, 300)});
  if (cut_) {
    co_return;
  }
  connection_ = ++connections_;
  told_ = true;
  listener_->transport_connected();
}

void FaultyTransport::publish(std::string line) {
  if (connection_ == 0 || cut_) {
    return;
  }
  for (FaultyTransport* const to : network_.all_) {
    if (to == this || to->connection_ == 0) {
      continue;
    }
    SteadyTime& busy = busy_until_[to];
    const auto delay = microseconds{at_.chance(5) ? at_.between(10'000, 800'000) : at_.between(100, 5'000)};
    busy = std::max(busy + microseconds{1}, at_.steady_now() + delay);
    spawn(tasks_, Background{"network"}, deliver({line, to, connection_, to->connection_, busy}),
          &at_.loop(0));
  }
}

Task<void> FaultyTransport::deliver(Message message) {
  co_await at_.sleep_until(message.arrives);
  FaultyTransport* const to = message.to;
  const bool there = std::ranges::find(network_.all_, to) != network_.all_.end();
  if (there && connection_ == message.from_connection && to->connection_ == message.to_connection) {
    to->listener_->received(std::move(message.line));
  }
}

void FaultyTransport::lose() {
  if (connection_ == 0 || cut_ || returning_) {
    return;
  }
  connection_ = 0;
  returning_ = true;
  spawn(tasks_, Background{"network"}, come_back(), &at_.loop(0));
}

Task<void> FaultyTransport::come_back() {
  // A dead connection is not noticed at once.
  co_await at_.sleep_for(milliseconds{at_.between(0, 4000)});
  if (std::exchange(told_, false) && !cut_) {
    listener_->transport_disconnected();
  }
  co_await at_.sleep_for(milliseconds{at_.between(0, 3000)});
  returning_ = false;
  co_await connect();
}

void FaultyTransport::cut() {
  cut_ = true;
  connection_ = 0;
}

Task<void> FaultyTransport::close() noexcept {
  cut();
  co_await tasks_.stop();
}

}  // namespace lares::sim
