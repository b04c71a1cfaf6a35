// SPDX-License-Identifier: Apache-2.0
#include <host/service_registry_impl.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>

namespace lares::host {

ServiceRegistryImpl::ServiceRegistryImpl() = default;
ServiceRegistryImpl::~ServiceRegistryImpl() = default;

void ServiceRegistryImpl::set_known_providers(
    std::function<std::vector<std::string>(std::string_view)> known) {
  known_ = std::move(known);
}

void ServiceRegistryImpl::require_open(std::string_view id) const {
  if (sealed_) {
    throw std::logic_error(
        fmt::format("{}: services are provided and joined in a plugin's constructor only", id));
  }
}

void ServiceRegistryImpl::provide_raw(std::string_view id, void* service) {
  require_open(id);
  const auto [place, added] = services_.try_emplace(std::string(id), Provider{service, plugin_});
  if (!added) {
    throw StartError(
        fmt::format("Both \"{}\" and \"{}\" provide {}. Only one of them can be active: remove one, or "
                    "change what activates it.",
                    place->second.plugin, plugin_, id));
  }
}

void* ServiceRegistryImpl::get_raw(std::string_view id) const {
  if (void* service = find_raw(id)) {
    return service;
  }
  const auto known = known_ ? known_(id) : std::vector<std::string>{};
  if (known.empty()) {
    throw StartError(
        fmt::format("{} is needed, and no installed plugin provides it. Install the one that does.", id));
  }
  throw StartError(
      fmt::format("{} is needed, and \"{}\", which would provide it, is not active in this process.", id,
                  fmt::join(known, "\" or \"")));
}

void* ServiceRegistryImpl::find_raw(std::string_view id) const noexcept {
  const auto found = services_.find(id);
  return found == services_.end() ? nullptr : found->second.service;
}

void ServiceRegistryImpl::join_raw(std::string_view id, void* participant, int order) {
  require_open(id);
  auto place = participants_.find(id);
  if (place == participants_.end()) {
    place = participants_.emplace(std::string(id), std::vector<Participant>{}).first;
  }
  Participant joining{participant, order, plugin_};
  const auto before = [](const Participant& a, const Participant& b) {
    return std::tie(a.order, a.plugin) < std::tie(b.order, b.plugin);
  };
  place->second.insert(std::ranges::upper_bound(place->second, joining, before), joining);
}

std::vector<void*> ServiceRegistryImpl::all_raw(std::string_view id) const {
  std::vector<void*> result;
  if (const auto found = participants_.find(id); found != participants_.end()) {
    for (const auto& participant : found->second) {
      result.push_back(participant.participant);
    }
  }
  return result;
}

std::vector<std::string> ServiceRegistryImpl::ids() const {
  std::vector<std::string> result;
  for (const auto& [id, provider] : services_) {
    result.push_back(id);
  }
  return result;
}

std::vector<std::string> ServiceRegistryImpl::provided_by(std::string_view plugin) const {
  std::vector<std::string> result;
  for (const auto& [id, provider] : services_) {
    if (provider.plugin == plugin) {
      result.push_back(id);
    }
  }
  return result;
}

}  // namespace lares::host
