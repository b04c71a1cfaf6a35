// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/http/router.hpp>
#include <lares/json/value.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/presence.hpp>
#include <lares/service/sync.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/notifier.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters.hpp"
#include "serialise.hpp"

namespace lares::sync {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using service::SyncContributor;
using stream::StreamNumber;
using stream::Token;

namespace {

// Longer than this no proxy on the way keeps a silent connection.
constexpr std::int64_t kLongestPollMs = 120'000;
constexpr std::chrono::milliseconds kLookAgainAfter{50};

// What asks for the state after the timeline, and under which name it then stands.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kStateAfter{
    {{"org.matrix.msc4222.use_state_after", "org.matrix.msc4222.state_after"},
     {"use_state_after", "state_after"}}};

void declare(Declarations& declarations) {
  declarations.schema(filters_schema());
  declare_filters(declarations);
}

// Whether the writer of a stream in memory has begun anew since `from`: what a client was shown of its former
// life nobody may know of any more, so that no row says that it is over.
bool began_anew(const Token& from, const Token& now) {
  return std::ranges::any_of(
      std::array{StreamNumber::kTyping, StreamNumber::kPresence},
      [&from, &now](StreamNumber stream) { return from.minimum(stream) >> 32 < now.minimum(stream) >> 32; });
}

// Only now, since contributors read the events of the one before them.
void select_fields(const matrix::FieldSelection& fields, service::SyncResponse& response) {
  if (fields.everything()) {
    return;
  }
  const auto select = [&fields](auto& room) {
    for (std::vector<std::string>* events : {&room.timeline, &room.state}) {
      for (std::string& event : *events) {
        event = fields.selected(json::Value{event});
      }
    }
  };
  std::ranges::for_each(response.joined, select);
  std::ranges::for_each(response.left, select);
}

class SyncPlugin final : public Plugin {
 public:
  explicit SyncPlugin(Server& server)
      : server_(server),
        loads_(server.runtime(), "sync caches"),
        hub_(server.services().get<stream::Hub>()),
        notifier_(server.services().get<stream::Notifier>()),
        filters_(server, loads_),
        nonempty_(server.metrics().counters(
            {.name = "synapse_handlers_sync_nonempty",
             .help = "Answers to /sync in which something is news.",
             .labels = {
                 metrics::Label::server_name(),
                 metrics::Label::closed("type", {"initial_sync", "incremental_sync", "full_state_sync"}),
                 metrics::Label::closed("lazy_loaded", {"false", "true"})}})) {
    server.router().add<Access::Guest>(
        Method::Get, http::client_paths("/sync"),
        {.name = "SyncRestServlet",
         .spec = "Client-Server API, Syncing",
         .shard = "user",
         .tags = {"sync_v2:initial_sync", "sync_v2:incremental_sync", "sync_v2:full_state_sync"}},
        [this](const Requester& requester, Request& request) { return get_sync(requester, request); });
  }

  Task<void> start() override {
    contributors_ = server_.services().all<SyncContributor>();
    presence_ = server_.services().find<service::Presence>();
    co_return;
  }

  Task<void> stop() noexcept override { co_await loads_.stop(); }

 private:
  Task<Response> get_sync(const Requester& requester, Request& request) {
    const std::optional<std::string> since_text = request.query("since");
    const std::int64_t timeout = request.query_integer("timeout", 0, 0, INT64_MAX);
    const bool full_state = request.query_bool("full_state", false);
    const std::int64_t user = requester.account().user_number;
    const std::string set_presence = request.query("set_presence").value_or("online");
    if (set_presence != "online" && set_presence != "unavailable" && set_presence != "offline") {
      throw http::invalid_param("'set_presence' is one of online, unavailable and offline.");
    }
    // For as long as the sync waits, the user is there.
    const std::shared_ptr<void> syncing = presence_ ? presence_->syncing(requester, set_presence) : nullptr;

    service::SyncScope scope;
    scope.requester = &requester;
    scope.user = user;
    scope.initial = !since_text || since_text->empty();
    scope.full_state = full_state;
    std::string_view state_section = "state";
    for (const auto& [parameter, section] : kStateAfter) {
      if (request.query_bool(parameter, false)) {
        scope.state_after = true;
        state_section = section;
      }
    }
    const std::string_view tag = scope.initial ? "sync_v2:initial_sync"
                                 : full_state  ? "sync_v2:full_state_sync"
                                               : "sync_v2:incremental_sync";
    request.set_tag(tag);
    std::shared_ptr<stream::UserFeed> feed = notifier_.find(user);
    if (!feed) {
      feed = co_await notifier_.feed(user);
    }
    bool moved = false;  // `from` is no longer what the client sent
    if (!scope.initial) {
      auto since = Token::parse(*since_text);
      if (!since) {
        throw http::invalid_param(since.error());
      }
      scope.from = since->limited_to(hub_.now(), moved);
      if (moved) {
        moved = false;
        scope.from = co_await hub_.believed(*since, moved);
      }
      if (moved) {
        log_.warning(
            "A sync token of {} is ahead of the database, as after the restore of a backup. It is read as "
            "now.",
            requester.user().view());
      }
      if (!full_state && !began_anew(scope.from, hub_.now()) && feed->unchanged_since(scope.from)) {
        std::string always;
        if (timeout == 0 && append_always(requester, always)) {
          co_return Response::json_text(serialise_unchanged(always, moved ? scope.from.text() : *since_text));
        }
      }
    }
    if (scope.initial && syncing) {
      // That the client is there stands in its first answer, and does not end its first wait.
      co_await presence_->announced(syncing);
    }
    FilterPtr filter = co_await filters_.of_query(user, request.query("filter").value_or(""));
    scope.filter = filter.get();

    const SteadyTime deadline =
        server_.runtime().steady_now() + std::chrono::milliseconds{std::min(timeout, kLongestPollMs)};
    bool woken = true;
    for (;;) {
      if (!scope.initial && !full_state && !began_anew(scope.from, hub_.now()) &&
          feed->unchanged_since(scope.from)) {
        const SteadyTime now = server_.runtime().steady_now();
        woken = now < deadline &&
                co_await feed->wait(scope.from,
                                    std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now));
        std::string always;
        if (!woken && append_always(requester, always)) {
          co_return Response::json_text(serialise_unchanged(always, moved ? scope.from.text() : *since_text));
        }
      }
      scope.to = hub_.now();
      service::SyncResponse response;
      for (SyncContributor* contributor : contributors_) {
        co_await contributor->contribute(scope, response);
      }
      if (scope.initial || full_state || !response.empty() || !woken ||
          server_.runtime().steady_now() >= deadline) {
        if (!response.empty()) {
          const bool lazy = filter->state().lazy_load_members() || filter->timeline().lazy_load_members();
          nonempty_.at({server_.name(), tag.substr(tag.find(':') + 1), lazy ? "true" : "false"}).add();
        }
        select_fields(filter->fields(), response);
        co_return Response::json_text(
            serialise(response, Token::later_of(scope.from, scope.to).text(), state_section));
      }
      // What woke it was none of this client's business: go on from there.
      Token next = Token::later_of(scope.from, scope.to);
      if (next == scope.from) {
        // What woke it was known to the client, from a process that is ahead of this one.
        co_await server_.runtime().sleep_for(kLookAgainAfter);
      }
      scope.from = std::move(next);
      moved = true;
    }
  }

  [[nodiscard]] bool append_always(const Requester& requester, std::string& out) const {
    for (SyncContributor* contributor : contributors_) {
      if (!contributor->append_always(requester, out)) {
        return false;
      }
    }
    return true;
  }

  Server& server_;
  TaskGroup loads_;
  stream::Hub& hub_;
  stream::Notifier& notifier_;
  Filters filters_;
  std::vector<SyncContributor*> contributors_;
  service::Presence* presence_ = nullptr;
  metrics::Family<metrics::Counter> nonempty_;
  log::Logger log_{"lares.sync"};
};

constexpr const char* kProvides[] = {nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1", "lares.hub/1",
                                  "lares.notifier/1",         "lares.rooms/1",
                                  "lares.authenticator/1",    nullptr};
constexpr const char* kUses[] = {"lares.presence/1", nullptr};

}  // namespace

}  // namespace lares::sync

LARES_PLUGIN(
        .name = "sync", .version = LARES_VERSION, .provides = lares::sync::kProvides,
        .needs = lares::sync::kNeeds, .uses = lares::sync::kUses, .declare = &lares::sync::declare,
        .create = [](lares::Server& server) -> lares::Plugin* { return new lares::sync::SyncPlugin(server); },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
