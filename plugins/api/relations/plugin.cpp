// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/http/router.hpp>
#include <lares/json/writer.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/relations.hpp>
#include <lares/service/rooms.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace lares::relations {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using service::Direction;
using service::HistoryPlace;
using service::RelationPage;
using service::RelationQuery;
using service::RoomView;
using service::StoredEventPtr;

namespace {

constexpr std::int64_t kUsualEvents = 5;
constexpr std::int64_t kMostEvents = 100;
constexpr std::size_t kLongestType = 255;
constexpr int kDegrees = 3;

// On which side of a place what is asked for lies.
enum class Side : std::uint8_t { kBefore, kAfter };

/// The position of a place, which is not included itself, or a sync token.
using Place = std::variant<std::int64_t, stream::Token>;

// A place of relations (`r12`), of history, or of a sync.
std::optional<Place> place_of(const std::optional<std::string>& text) {
  if (!text || text->empty()) {
    return std::nullopt;
  }
  std::int64_t position = 0;
  const char* const end = text->data() + text->size();
  if (text->front() == 'r') {
    const auto [rest, error] = std::from_chars(text->data() + 1, end, position);
    if (error == std::errc{} && rest == end) {
      return position;
    }
  }
  if (const std::optional<HistoryPlace> place = HistoryPlace::parse(*text)) {
    return place->position;
  }
  auto token = stream::Token::parse(*text);
  if (!token) {
    throw http::invalid_param("This is no token of this server.");
  }
  return std::move(*token);
}

Task<std::optional<std::int64_t>> position_of(RoomView& view, std::optional<Place> place, Side side) {
  if (!place) {
    co_return std::nullopt;
  }
  if (const std::int64_t* const position = std::get_if<std::int64_t>(&*place)) {
    co_return *position;
  }
  // What a sync has shown lies before its token.
  const HistoryPlace shown = co_await view.place_at(std::move(std::get<stream::Token>(*place)));
  co_return side == Side::kBefore ? shown.position + 1 : shown.position;
}

matrix::RoomId room_of(const Request& request) {
  auto room = matrix::RoomId::parse(request.param("roomId"));
  if (!room) {
    throw http::invalid_param("This is no room id.");
  }
  return std::move(*room);
}

std::string chunk_of(const RoomView& view, const RelationPage& page) {
  std::string out = "[";
  for (const StoredEventPtr& event : page.events) {
    if (out.size() > 1) {
      out += ',';
    }
    view.append_client_event(out, *event, false);
  }
  out += ']';
  return out;
}

std::optional<std::string> type_of(const Request& request, std::string_view name, bool given) {
  if (!given) {
    return std::nullopt;
  }
  if (request.param(name).size() > kLongestType) {
    throw http::invalid_param("A type is at most 255 bytes long.");
  }
  return request.param(name);
}

class RelationsPlugin final : public Plugin {
 public:
  explicit RelationsPlugin(Server& server)
      : rooms_(server.services().get<service::Rooms>()),
        relations_(server.services().get<service::Relations>()) {
    const std::string base = "/rooms/{roomId}/relations/{eventId}";
    int parts = 0;
    for (const std::string& path : {base, base + "/{relType}", base + "/{relType}/{eventType}"}) {
      server.router().add<Access::User>(Method::Get, http::client_paths(path, {"v1", "unstable"}),
                                        {.name = "RelationPaginationServlet",
                                         .spec = "Client-Server API, Forming relationships between events",
                                         .shard = "roomId"},
                                        [this, parts](const Requester& requester, Request& request) {
                                          return get_relations(requester, request, parts);
                                        });
      ++parts;
    }
    server.router().add<Access::User>(
        Method::Get, http::client_paths("/rooms/{roomId}/threads", {"v1"}),
        {.name = "ThreadsServlet", .spec = "Client-Server API, Querying threads", .shard = "roomId"},
        [this](const Requester& requester, Request& request) { return get_threads(requester, request); });
  }

 private:
  /// GET /rooms/{roomId}/relations/{eventId}; `parts` of {relType} and {eventType} are in the path.
  Task<Response> get_relations(const Requester& requester, Request& request, int parts) {
    const std::string dir = request.query("dir").value_or("b");
    if (dir != "b" && dir != "f") {
      throw http::invalid_param("'dir' is b or f.");
    }
    const bool backwards = dir == "b";
    std::optional<Place> from = place_of(request.query("from"));
    std::optional<Place> to = place_of(request.query("to"));
    RelationQuery query{.rel_type = type_of(request, "relType", parts >= 1),
                        .event_type = type_of(request, "eventType", parts >= 2),
                        .from = {},
                        .to = {},
                        .direction = backwards ? Direction::kBackwards : Direction::kForwards,
                        .limit = static_cast<std::size_t>(std::min(
                            request.query_integer("limit", kUsualEvents, 1, INT64_MAX), kMostEvents)),
                        .recurse = request.query_bool("recurse", false)};
    const bool recurse = query.recurse;
    const std::unique_ptr<RoomView> view = co_await rooms_.peek(requester, room_of(request));
    const StoredEventPtr parent = co_await view->event(request.param("eventId"));
    if (!parent) {
      throw http::not_found("Event not found.");
    }
    query.from = co_await position_of(*view, std::move(from), backwards ? Side::kBefore : Side::kAfter);
    query.to = co_await position_of(*view, std::move(to), backwards ? Side::kAfter : Side::kBefore);
    const RelationPage page = co_await relations_.children(*view, parent, std::move(query));
    std::string body;
    json::Writer writer{body};
    writer.begin_object().key("chunk").raw(chunk_of(*view, page));
    if (page.next) {
      writer.key("next_batch").value("r" + std::to_string(*page.next));
    }
    if (const std::optional<std::string> text = request.query("from"); text && !text->empty()) {
      writer.key("prev_batch").value(*text);
    }
    if (recurse) {
      writer.key("recursion_depth").value(kDegrees);
    }
    writer.end_object();
    co_return Response::json_text(std::move(body));
  }

  /// GET /rooms/{roomId}/threads
  Task<Response> get_threads(const Requester& requester, Request& request) {
    const std::string include = request.query("include").value_or("all");
    if (include != "all" && include != "participated") {
      throw http::invalid_param("'include' is all or participated.");
    }
    const std::int64_t limit =
        std::min(request.query_integer("limit", kUsualEvents, 1, INT64_MAX), kMostEvents);
    std::optional<Place> place = place_of(request.query("from"));
    const std::unique_ptr<RoomView> view = co_await rooms_.peek(requester, room_of(request));
    const std::optional<std::int64_t> from = co_await position_of(*view, std::move(place), Side::kBefore);
    const RelationPage page =
        co_await relations_.threads(*view, from, static_cast<std::size_t>(limit), include == "participated");
    std::string body;
    json::Writer writer{body};
    writer.begin_object().key("chunk").raw(chunk_of(*view, page));
    if (page.next) {
      writer.key("next_batch").value("r" + std::to_string(*page.next));
    }
    writer.end_object();
    co_return Response::json_text(std::move(body));
  }

  service::Rooms& rooms_;
  service::Relations& relations_;
};

constexpr const char* kProvides[] = {nullptr};
constexpr const char* kNeeds[] = {"lares.rooms/1", "lares.relations/1", "lares.authenticator/1", nullptr};

}  // namespace

}  // namespace lares::relations

LARES_PLUGIN(
        .name = "relations", .version = LARES_VERSION, .provides = lares::relations::kProvides,
        .needs = lares::relations::kNeeds,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::relations::RelationsPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
