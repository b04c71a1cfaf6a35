// SPDX-License-Identifier: Apache-2.0
#include <lares/stream/hub.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/peers.hpp>
#include <lares/stream/stream.hpp>
#include <lares/stream/transport.hpp>

namespace lares::stream {

Stream::~Stream() = default;
Peers::~Peers() = default;
Hub::~Hub() = default;
UserFeed::~UserFeed() = default;
Notifier::~Notifier() = default;
TransportListener::~TransportListener() = default;
Transport::~Transport() = default;

}  // namespace lares::stream
