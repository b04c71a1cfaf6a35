// SPDX-License-Identifier: Apache-2.0
#include "http_peers.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/stream/topology.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <utility>

namespace lares::hub {

using nlohmann::json;

namespace {

constexpr std::chrono::milliseconds kPause{200};
// As long as a process takes to be started again; a client has not given up by then.
constexpr std::chrono::seconds kPatience{15};
// A process that stands still keeps its connections, and answers nothing.
constexpr std::chrono::milliseconds kAnswer{8'000};

bool is_unknown_path(const http::ClientResponse& answer) {
  const json body = json::parse(answer.body, nullptr, false);
  return body.is_object() && body.value("errcode", json{}) == "M_UNRECOGNIZED";
}

[[noreturn]] void throw_answer(const http::ClientResponse& answer, const std::string& instance) {
  const json body = json::parse(answer.body, nullptr, false);
  if (!body.is_object() || !body.contains("errcode") || !body["errcode"].is_string() ||
      answer.status >= 500) {
    throw http::unavailable("Another process of this server could not do its part.")
        .because("The process " + instance + " answered with status " + std::to_string(answer.status) + ".");
  }
  http::MatrixError error{answer.status, body["errcode"].get<std::string>(),
                          body.value("error", std::string{})};
  for (const auto& [key, value] : body.items()) {
    if (key != "errcode" && key != "error") {
      error = std::move(error).with(key, value.dump());
    }
  }
  throw http::MatrixError{error};
}

// Counts a request until its answer is there, or nobody wants it any more.
class Pending {
 public:
  explicit Pending(metrics::Gauge& gauge) noexcept : gauge_(gauge) { gauge_.add(); }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() { gauge_.sub(); }

 private:
  metrics::Gauge& gauge_;
};

}  // namespace

HttpPeers::HttpPeers(Server& server)
    : server_(server),
      client_(server.runtime(), {.user_agent = "Lares replication", .server_name = server.name()}),
      metrics_(server) {}

Task<json> HttpPeers::call(std::string instance, std::string path, json body, stream::Repeat repeat) {
  const std::string text = body.dump();
  const SteadyTime give_up = server_.runtime().steady_now() + kPatience;
  for (;;) {
    const ConfigPtr config = server_.config();
    const std::optional<http::Endpoint> endpoint = stream::instance_endpoint(*config, instance);
    if (!endpoint) {
      throw http::unavailable("Another process of this server could not do its part.")
          .because("instance_map does not say where " + instance + " listens.");
    }
    http::ClientRequest call{
        .method = http::Method::Post,
        .target = path,
        .headers = {{"Authorization", "Bearer " + config->string("worker_replication_secret")},
                    {"X-Lares-Instance", server_.instance()}},
        .body = text,
        .deadline = kAnswer,
        // The other end may have done it before its connection broke.
        .retry_on_stale_connection = repeat == stream::Repeat::kFreely};
    std::optional<http::ClientResponse> answer;
    std::string failure;
    try {
      const Pending pending{metrics_.pending(path)};
      answer = co_await client_.send(*endpoint, std::move(call));
      metrics_.answered(path, answer->status);
    } catch (const http::ClientError& error) {
      failure = error.what();
      metrics_.answered(path, 0);
      if (repeat == stream::Repeat::kNever && !error.never_sent()) {
        throw http::unavailable("Whether it was done is not known.").because(failure);
      }
    }
    if (answer && answer->status == 200) {
      json result = json::parse(answer->body, nullptr, false);
      if (!result.is_object()) {
        throw http::unavailable("Another process of this server could not do its part.")
            .because("The answer of " + instance + " is no JSON object.");
      }
      co_return result;
    }
    // While processes are restarted one after the other with another `stream_writers`, one may not have read
    // of its new task yet, and has no such route.
    const bool untold = answer && answer->status == 404 && is_unknown_path(*answer);
    const bool passing = !answer || ((untold || answer->status == 503) && repeat == stream::Repeat::kFreely);
    if (!passing || server_.runtime().steady_now() >= give_up) {
      if (untold) {
        throw http::unavailable("Another process of this server could not do its part.")
            .because("The process " + instance + " does not take " + path +
                     ": its stream_writers differ from this one's.");
      }
      if (answer) {
        throw_answer(*answer, instance);
      }
      throw http::unavailable("Another process of this server is away.").because(failure);
    }
    co_await server_.runtime().sleep_for(kPause);
  }
}

}  // namespace lares::hub
