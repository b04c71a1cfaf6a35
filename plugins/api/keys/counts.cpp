// SPDX-License-Identifier: Apache-2.0
#include "counts.hpp"

#include <lares/json/writer.hpp>

#include "cross_signing.hpp"
#include "device_keys.hpp"

namespace lares::keys {

namespace {

constexpr std::string_view kCache = "one_time_key_counts";
constexpr std::size_t kUsersInMemory = 50'000;
// Clients take its absence for zero only of late.
constexpr const char* kUsual = "signed_curve25519";

std::string one_time_text(const Left& left) {
  std::map<std::string, std::int64_t> counts = left.one_time;
  counts.try_emplace(kUsual, 0);
  std::string text;
  json::Writer writer{text};
  writer.begin_object();
  for (const auto& [algorithm, count] : counts) {
    writer.key(algorithm).value(count);
  }
  writer.end_object();
  return text;
}

std::string unused_text(const Left& left) {
  std::string text;
  json::Writer writer{text};
  writer.begin_array();
  for (const std::string& algorithm : left.unused_fallback) {
    writer.value(algorithm);
  }
  writer.end_array();
  return text;
}

template <class Texts>
Texts texts(const Left& left) {
  Texts texts{.one_time = one_time_text(left), .unused_fallback = unused_text(left), .members = {}};
  texts.members = "\"device_one_time_keys_count\":" + texts.one_time +
                  ",\"device_unused_fallback_key_types\":" + texts.unused_fallback +
                  ",\"org.matrix.msc2732.device_unused_fallback_key_types\":" + texts.unused_fallback + ",";
  return texts;
}

}  // namespace

Counts::Counts(Server& server, TaskGroup& loads)
    : database_(server.services().get<storage::Database>()),
      caches_(server.services().get<service::CacheStream>()),
      counts_(loads, {.name = std::string{kCache}, .server_name = server.name(), .max_size = kUsersInMemory}),
      none_(texts<Texts>(Left{})) {
  // The keys of a device that is deleted are gone; should its name come again, no process may count them.
  for (const std::string_view stale : {kCache, service::kDevicesCache}) {
    caches_.add(stale, [this](std::string_view user_id) {
      if (user_id.empty()) {
        counts_.invalidate_all();
      } else {
        counts_.invalidate(std::string{user_id});
      }
    });
  }
}

Task<Counts::Devices> Counts::load(std::int64_t user) {
  const std::map<std::string, Left> devices = co_await database_.read(
      "one_time_key_counts", [user](storage::ReadTransaction& tx) { return left(tx, user); });
  auto result = std::make_shared<std::map<std::string, Texts>>();
  for (const auto& [device_id, device] : devices) {
    result->emplace(device_id, texts<Texts>(device));
  }
  co_return result;
}

const Counts::Texts& Counts::of(const Devices& devices, const http::Requester& requester) const {
  const auto found = devices->find(*requester.device_id());
  return found == devices->end() ? none_ : found->second;
}

Task<void> Counts::contribute(service::SyncScope& scope, service::SyncResponse& response) {
  if (!scope.requester->device_id()) {
    co_return;
  }
  const std::int64_t user = scope.user;
  Devices devices;
  if (caches_.connected()) {
    devices = co_await counts_.get(scope.requester->user().str(),
                                   [this, user](const std::string&) { return load(user); });
  } else {
    devices = co_await load(user);
  }
  const Texts& texts = of(devices, *scope.requester);
  response.one_time_keys_count = texts.one_time;
  response.unused_fallback_key_types = texts.unused_fallback;
}

bool Counts::append_always(const http::Requester& requester, std::string& out) noexcept {
  if (!requester.device_id()) {
    return true;
  }
  if (!caches_.connected()) {
    return false;
  }
  const std::optional<Devices> devices = counts_.peek(requester.user().str());
  if (!devices) {
    return false;
  }
  out += of(*devices, requester).members;
  return true;
}

std::int64_t Counts::invalidate(storage::WriteTransaction& tx, std::string_view user_id,
                                std::int64_t now_ts) {
  return caches_.invalidate(tx, kCache, user_id, now_ts);
}

void Counts::committed(std::string_view user_id, std::int64_t position) {
  caches_.committed(kCache, user_id, position);
}

void Counts::deleting(storage::WriteTransaction& tx, std::int64_t user,
                      std::span<const std::string> devices) {
  forget_devices(tx, user, devices);
  forget_signatures_of(tx, user, devices);
}

// What was kept has become stale with the deletion.
Task<void> Counts::changed(std::int64_t, matrix::UserId, std::vector<std::string>) {
  co_return;
}

}  // namespace lares::keys
