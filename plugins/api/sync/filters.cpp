// SPDX-License-Identifier: Apache-2.0
#include "filters.hpp"

#include <lares/base/strings.hpp>
#include <lares/http/json_fields.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/http/router.hpp>
#include <lares/json/canonical.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <optional>

namespace lares::sync {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using storage::Bytes;
using storage::Row;

namespace {

constexpr storage::Statement kFindSame{"SELECT number FROM filters WHERE account = $1 AND body = $2"};
constexpr storage::Statement kNext{
    "SELECT COUNT(*), COALESCE(MAX(number), 0) + 1 FROM filters WHERE account = $1"};
constexpr storage::Statement kStore{"INSERT INTO filters (account, number, body) VALUES ($1, $2, $3)"};
constexpr storage::Statement kLoad{"SELECT body FROM filters WHERE account = $1 AND number = $2"};

constexpr std::size_t kLongestFilter = 65'536;

// Whatever a client asks for, it gets no more events of a room at once than the administrator allows.
void cap_timeline(nlohmann::json& filter, std::int64_t most) {
  static const nlohmann::json::json_pointer kLimit{"/room/timeline/limit"};
  if (most >= 0 && filter.is_object() && filter.contains(kLimit)) {
    nlohmann::json& limit = filter[kLimit];
    if (limit.is_number_unsigned() && limit.get<std::uint64_t>() > static_cast<std::uint64_t>(most)) {
      limit = static_cast<std::uint64_t>(most);
    }
  }
}

FilterPtr parse(std::string_view text, std::int64_t most_in_timeline) {
  nlohmann::json object = http::query_object(text, "filter");
  cap_timeline(object, most_in_timeline);
  auto filter = matrix::Filter::parse(object);
  if (!filter) {
    throw http::bad_json(filter.error());
  }
  return std::make_shared<const matrix::Filter>(std::move(*filter));
}

void require_self(const Requester& requester, Request& request) {
  if (request.param("userId") != requester.user().view()) {
    throw http::forbidden("Filters belong to the user who stored them.");
  }
}

}  // namespace

storage::Schema filters_schema() {
  return {.plugin = "sync",
          .migrations =
              {{.number = 1,
                .kind = storage::MigrationKind::Expand,
                .summary = "Adds the filters that clients store.",
                .statements = {storage::Sql{
                    "CREATE TABLE filters (account BIGINT NOT NULL, number BIGINT NOT NULL, body {bytes} NOT "
                    "NULL, PRIMARY KEY (account, number)) {clustered}"}}}},
          .tables = {{.name = "filters",
                      .key = {"account", "number"},
                      .owners = {{.kind = storage::OwnerKind::User, .column = "account"}},
                      .bound = "1000 per user",
                      .ends = "erasure of the user"}}};
}

void declare_filters(Declarations& declarations) {
  declarations.config({.path = "filter_timeline_limit",
                       .type = ConfigType::Integer,
                       .default_value = "100",
                       .meaning =
                           "The most events of one room that an answer to /sync has, whatever its filter "
                           "asks for; -1 sets no limit but the server's own of 1000.",
                       .minimum = -1});
}

Filters::Filters(Server& server, TaskGroup& loads)
    : most_in_timeline_(server.config()->integer("filter_timeline_limit")),
      database_(server.services().get<storage::Database>()),
      filters_(loads, {.name = "filters", .server_name = server.name(), .max_size = 5'000}) {
  server.router().add<Access::Guest>(
      Method::Post, http::client_paths("/user/{userId}/filter"), {.name = "CreateFilterRestServlet"},
      [this](const Requester& requester, Request& request) { return post_filter(requester, request); });
  server.router().add<Access::Guest>(
      Method::Get, http::client_paths("/user/{userId}/filter/{filterId}"), {.name = "GetFilterRestServlet"},
      [this](const Requester& requester, Request& request) { return get_filter(requester, request); });
}

Task<Response> Filters::post_filter(const Requester& requester, Request& request) {
  require_self(requester, request);
  if (request.body().size() > kLongestFilter) {
    throw http::too_large("A filter is at most 64 KiB long.");
  }
  (void)parse(request.body(), most_in_timeline_);
  auto canonical =
      json::canonicalise(request.body(), {.numbers = json::Numbers::kAny, .require_object = true});
  if (!canonical) {
    throw http::bad_json(json::describe(canonical.error().code));
  }
  const std::int64_t number = co_await store(requester.account().user_number, std::move(*canonical));
  co_return Response::json({{"filter_id", std::to_string(number)}});
}

Task<Response> Filters::get_filter(const Requester& requester, Request& request) {
  require_self(requester, request);
  const std::optional<std::int64_t> number = parse_int64(request.param("filterId"));
  if (!number) {
    throw http::not_found("There is no such filter.");
  }
  co_return Response::json_text(co_await load(requester.account().user_number, *number));
}

Task<std::int64_t> Filters::store(std::int64_t account, std::string canonical) {
  const std::optional<std::int64_t> number =
      co_await database_.write("store_filter", [account, &canonical](storage::WriteTransaction& tx) {
        tx.lock("filters");
        std::optional<std::int64_t> same =
            tx.maybe(kFindSame, account, Bytes{canonical}, [](const Row& row) { return row.i64(0); });
        if (same) {
          return same;
        }
        const auto [count, next] =
            tx.one(kNext, account, [](const Row& row) { return std::pair{row.i64(0), row.i64(1)}; });
        if (count >= kMostFilters) {
          return std::optional<std::int64_t>{};
        }
        tx.exec(kStore, account, next, Bytes{canonical});
        return std::optional{next};
      });
  if (!number) {
    throw http::MatrixError(400, "M_LIMIT_EXCEEDED", "You have stored too many filters.");
  }
  co_return *number;
}

Task<std::string> Filters::load(std::int64_t account, std::int64_t number) {
  std::optional<std::string> body =
      co_await database_.read("load_filter", [account, number](storage::ReadTransaction& tx) {
        return tx.maybe(kLoad, account, number, [](const Row& row) { return row.bytes_copy(0); });
      });
  if (!body) {
    throw http::not_found("There is no such filter.");
  }
  co_return std::move(*body);
}

Task<FilterPtr> Filters::of_query(std::int64_t account, std::string text) {
  if (text.empty()) {
    co_return everything_;
  }
  if (text.starts_with('{')) {
    if (text.size() > kLongestFilter) {
      throw http::too_large("A filter is at most 64 KiB long.");
    }
    co_return parse(text, most_in_timeline_);
  }
  const std::optional<std::int64_t> number = parse_int64(text);
  if (!number) {
    throw http::invalid_param("'filter' is neither JSON nor the id of a stored filter.");
  }
  co_return co_await filters_.get(std::to_string(account) + "/" + text,
                                  [this, account, number](std::string) -> Task<FilterPtr> {
                                    const std::string body = co_await load(account, *number);
                                    co_return parse(body, most_in_timeline_);
                                  });
}

}  // namespace lares::sync
