// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/sync.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/peers.hpp>

#include "endpoints.hpp"
#include "sync_section.hpp"
#include "typing_board.hpp"
#include "typing_stream.hpp"
#include "typing_writer.hpp"

namespace lares::typing {

namespace {

class TypingPlugin final : public Plugin {
 public:
  explicit TypingPlugin(Server& server)
      : board_(server.runtime()),
        stream_(server, server.services().get<storage::Interner>(), server.services().get<stream::Hub>(),
                server.services().get<stream::Notifier>(), server.services().get<stream::Peers>(), board_),
        sync_(server, board_),
        writer_(server, server.services().get<stream::Hub>(), server.services().get<stream::Peers>(),
                server.services().get<service::Rooms>(), board_, stream_),
        shared_{.server = server, .rooms = server.services().get<service::Rooms>(), .writer = writer_} {
    server.services().join<stream::Stream>(stream_);
    server.services().join<service::SyncContributor>(sync_, 30);
    add_endpoints(shared_);
  }

  Task<void> start() override {
    writer_.start();
    co_return;
  }
  Task<void> stop() noexcept override { co_await writer_.stop(); }

 private:
  TypingBoard board_;
  TypingStream stream_;
  SyncSection sync_;
  TypingWriter writer_;
  Shared shared_;
};

constexpr const char* kProvides[] = {nullptr};
constexpr const char* kNeeds[] = {
    "lares.storage.interner/1", "lares.hub/1", "lares.notifier/1", "lares.peers/1", "lares.rooms/1", nullptr};

}  // namespace

}  // namespace lares::typing

LARES_PLUGIN(
        .name = "typing", .version = LARES_VERSION, .provides = lares::typing::kProvides,
        .needs = lares::typing::kNeeds,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::typing::TypingPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
