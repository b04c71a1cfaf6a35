// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>

#include <utility>

namespace lares::storage {

/// What the plugin of every engine provides.
inline constexpr const char* kEngineProvides[] = {"lares.storage.database/1", "lares.storage.interner/1",
                                                  nullptr};

/// What an engine is told of the server it works for, whichever it is.
[[nodiscard]] inline DatabaseOptions database_options(const Server& server) {
  return {.rehearse_writes = server.config()->boolean("database.run_writes_twice"),
          .server_name = server.name()};
}

/// The plugin of a database engine: the database and the interner of numbers on it.
///
/// `Engine` is a Database that is made of its options and a Runtime; `open` connects and `close` ends it. One
/// that waits for another process meanwhile has `opened` and `closed`, which do the same for a loop.
template <class Engine>
class EnginePlugin final : public Plugin {
 public:
  template <class Options>
  EnginePlugin(Server& server, Options options)
      : database_{std::move(options), server.runtime()},
        interner_{database_, server.runtime(), InternerOptions{.server_name = server.name()}} {
    server.services().provide<Database>(database_);
    server.services().provide(interner_);
  }

  Task<void> start() override {
    if constexpr (requires { database_.opened(); }) {
      co_await database_.opened();
    } else {
      database_.open();
      co_return;
    }
  }

  Task<void> stop() noexcept override {
    if constexpr (requires { database_.closed(); }) {
      co_await database_.closed();
    } else {
      database_.close();
      co_return;
    }
  }

 private:
  Engine database_;
  Interner interner_;
};

}  // namespace lares::storage
