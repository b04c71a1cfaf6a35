// SPDX-License-Identifier: Apache-2.0
#include <host/declarations_impl.hpp>

namespace lares::host {

DeclarationsImpl::~DeclarationsImpl() = default;

void DeclarationsImpl::config(ConfigKey key) {
  keys_.add(plugin_, std::move(key));
}

void DeclarationsImpl::schema(storage::Schema schema) {
  schemas_.push_back(std::move(schema));
}

}  // namespace lares::host
