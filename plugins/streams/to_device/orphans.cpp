// SPDX-License-Identifier: Apache-2.0
#include "orphans.hpp"

#include <lares/async/runtime.hpp>
#include <lares/storage/errors.hpp>
#include <lares/stream/topology.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace lares::to_device {

namespace {

constexpr std::chrono::hours kEvery{24};
constexpr std::int64_t kDevicesPerStep = 100;

}  // namespace

Orphans::Orphans(Server& server)
    : server_(server),
      database_(server.services().get<storage::Database>()),
      tasks_(server.runtime(), "to-device messages of nobody") {}

void Orphans::start() {
  if (stream::writes_stream(*server_.config(), "to_device", server_.instance())) {
    spawn(tasks_, Background{"to_device_orphans", server_.name()}, run());
  }
}

Task<void> Orphans::run() {
  while (!tasks_.cancelled()) {
    try {
      co_await sweep();
    } catch (const storage::Error& error) {
      log_.warning("Messages of devices that are gone were not all deleted: {}", error.what());
    }
    co_await server_.runtime().sleep_for(kEvery);
  }
}

Task<void> Orphans::sweep() {
  // Before the devices are asked for: what comes later is for a device that is there, or was when it was
  // sent.
  const std::int64_t upto = co_await database_.read("last_to_device", &last_position);
  for (Addressee after;;) {
    const std::vector<Addressee> page = co_await database_.read(
        "to_device_addressees",
        [&after](storage::ReadTransaction& tx) { return addressees(tx, after, kDevicesPerStep); });
    if (page.empty()) {
      co_return;
    }
    for (std::span<const Addressee> rest = page; !rest.empty();) {
      const auto other = std::ranges::find_if(
          rest, [user = rest.front().user](const Addressee& one) { return one.user != user; });
      const auto count = static_cast<std::size_t>(other - rest.begin());
      co_await sweep(rest.first(count), upto);
      rest = rest.subspan(count);
    }
    after = page.back();
  }
}

Task<void> Orphans::sweep(std::span<const Addressee> devices, std::int64_t upto) {
  const std::int64_t user = devices.front().user;
  const std::vector<service::DeviceName> there =
      co_await server_.services().get<service::Devices>().devices(user);
  for (const Addressee& one : devices) {
    if (std::ranges::find(there, one.device_id, &service::DeviceName::device_id) == there.end()) {
      co_await database_.write("forget_to_device", [&one, upto](storage::WriteTransaction& tx) {
        acknowledge(tx, one.user, one.device_id, upto);
      });
    }
  }
}

}  // namespace lares::to_device
