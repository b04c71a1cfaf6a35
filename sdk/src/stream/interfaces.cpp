// SPDX-License-Identifier: Apache-2.0
#include <lares/stream/hub.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/stream.hpp>

namespace lares::stream {

Stream::~Stream() = default;
Hub::~Hub() = default;
UserFeed::~UserFeed() = default;
Notifier::~Notifier() = default;

}  // namespace lares::stream
