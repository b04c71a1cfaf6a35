// SPDX-License-Identifier: Apache-2.0
#include <http/gate.hpp>
#include <http/http_loop.hpp>
#include <http/http_metrics.hpp>
#include <http/http_server.hpp>
#include <http/listener.hpp>
#include <http/listener_config.hpp>
#include <http/rate_limits.hpp>
#include <http/router_impl.hpp>

#include <lares/async/blocking_pool.hpp>
#include <lares/async/completion.hpp>
#include <lares/async/runtime.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/error.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/server.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace lares::http {

namespace {

BlockingPool& compression_pool(Runtime& runtime) {
  constexpr const char* kName = "http_compression";
  try {
    return runtime.create_pool({.name = kName, .threads = 1, .max_queue = 64});
  } catch (const std::logic_error&) {
    return runtime.pool(kName);  // of another server in this process
  }
}

}  // namespace

void declare_config(Declarations& declarations) {
  declare_limits(declarations);
  RateLimits::declare(declarations);
}

class HttpServer::Impl {
 public:
  Impl(Server& server, RouterImpl& router)
      : server_(server),
        router_(router),
        limits_(server.runtime(), *server.config(), server.name()),
        gate_(server, limits_),
        metrics_(server.metrics(), server.name()),
        core_{.runtime = server.runtime(),
              .router = router,
              .gate = gate_,
              .metrics = metrics_,
              .server_name = server.name()},
        tasks_(server.runtime(), "http") {
    server.services().provide<service::RateLimiter>(limits_);
    add_routes();
  }

  Task<void> start() {
    // OpenSSL writes without MSG_NOSIGNAL; a client that has gone must not end the process.
    std::signal(SIGPIPE, SIG_IGN);
    Runtime& runtime = server_.runtime();
    for (std::size_t at = 0; at < runtime.loop_count(); ++at) {
      loops_.push_back(std::make_unique<HttpLoop>(core_, runtime.loop(at)));
    }
    const ConfigPtr config = server_.config();
    connection_limits_ = read_limits(*config);
    ActivatedSockets activated;
    for (ListenerConfig& entry : read_listeners(*config, server_.app() == "homeserver")) {
      auto settings = std::make_shared<ListenerSettings>();
      settings->site_tag = entry.tag;
      settings->access =
          log::Logger(fmt::format("lares.access.{}.{}", entry.tls ? "https" : "http", entry.tag));
      settings->socket_path = entry.path;
      settings->x_forwarded = entry.x_forwarded;
      settings->request_id_header = entry.request_id_header;
      settings->limits = connection_limits_;
      for (const std::string& resource : entry.resources) {
        settings->resources |= router_.resource_bit(resource);
      }
      for (const std::string& resource : entry.compressed) {
        settings->compressed |= router_.resource_bit(resource);
      }
      if (settings->compressed != 0 && core_.compression == nullptr) {
        core_.compression = &compression_pool(runtime);
      }
      listeners_.push_back(std::make_unique<Listener>(core_, loops_, std::move(entry), std::move(settings)));
      Listener& listener = *listeners_.back();
      co_await listener.open(activated);
    }
    for (const std::string& socket : activated.left()) {
      core_.log.warning("No listener is configured for a socket that the service manager passed: {}", socket);
    }
  }

  void ready() {
    for (const auto& listener : listeners_) {
      listener->take_place();
    }
    gate_.open(router_);
    metrics_.know(router_);
    for (const auto& loop : loops_) {
      spawn(tasks_, Background("http_deadlines", server_.name()), loop->tick(), &loop->loop());
    }
    for (const auto& listener : listeners_) {
      listener->accept();
      for (const BoundAddress& bound : listener->addresses()) {
        core_.log.info("Listening on {}{}{}", bound.address,
                       bound.port == 0 ? "" : fmt::format(" port {}", bound.port),
                       bound.tls ? " with TLS" : "");
      }
    }
  }

  Task<void> drain(std::chrono::milliseconds deadline) {
    const SteadyTime end = server_.runtime().steady_now() + deadline;
    core_.draining.store(true);
    close_listeners();
    for (const auto& loop : loops_) {
      loop->loop().post([at = loop.get()] { at->drain(); });
    }
    for (const auto& loop : loops_) {
      if (co_await until_empty(*loop, end) == Wake::kTimeout) {
        core_.log.warning("Requests were still being served after {} ms; they are cancelled",
                          deadline.count());
        break;
      }
    }
    abort();
  }

  Task<void> stop() noexcept {
    core_.draining.store(true);
    close_listeners();
    abort();
    for (const auto& loop : loops_) {
      co_await until_empty(*loop, SteadyTime::max());
    }
    co_await tasks_.stop();
  }

  ReloadReport reload(const Config& config) {
    ReloadReport report;
    limits_.reload(config, report);
    const Limits limits = read_limits(config);
    for (std::string& key : changed_limits(connection_limits_, limits)) {
      report.changed.push_back(std::move(key));
    }
    connection_limits_ = limits;
    for (const auto& listener : listeners_) {
      listener->set_limits(limits);
    }
    try {
      // What stands under `listeners` waits for a restart, so these are the same entries; but the certificate
      // of them all may be elsewhere now.
      const std::vector<ListenerConfig> entries = read_listeners(config, server_.app() == "homeserver");
      for (std::size_t at = 0; at < std::min(entries.size(), listeners_.size()); ++at) {
        reload_certificate(*listeners_[at], entries[at], report);
      }
    } catch (const StartError& error) {
      report.refused.push_back(fmt::format("{} The former certificates stay", error.what()));
    }
    return report;
  }

  [[nodiscard]] std::vector<BoundAddress> addresses() const {
    std::vector<BoundAddress> result;
    for (const auto& listener : listeners_) {
      for (BoundAddress& bound : listener->addresses()) {
        result.push_back(std::move(bound));
      }
    }
    return result;
  }

  [[nodiscard]] service::RateLimiter& rate_limiter() noexcept { return limits_; }

 private:
  static void reload_certificate(Listener& listener, const ListenerConfig& entry, ReloadReport& report) {
    const bool moved = entry.certificate_path != listener.config().certificate_path;
    const bool key_moved = entry.key_path != listener.config().key_path;
    try {
      if (listener.reload_certificate(entry)) {
        report.changed.push_back(fmt::format("{}: certificate {}", entry.name, entry.certificate_path));
      }
    } catch (const std::exception& error) {
      const auto refuse = [&](std::string_view what) {
        report.refused.push_back(fmt::format("{}: {}; the former certificate stays", what, error.what()));
      };
      if (moved) {
        refuse("tls_certificate_path");
      }
      if (key_moved) {
        refuse("tls_private_key_path");
      }
      if (!moved && !key_moved) {
        refuse(entry.name);
      }
    }
  }

  void add_routes() {
    router_.set_plugin("daemon");
    router_.add<Access::Public>(Method::Get, {"/health"}, {.name = "HealthResource", .resource = "health"},
                                [](const Anyone&, Request&) -> Task<Response> {
                                  co_return Response{.content_type = "text/plain; charset=utf-8",
                                                     .body = "OK"};
                                });
    if (server_.config()->boolean("enable_metrics")) {
      router_.add<Access::Public>(Method::Get, {"/_synapse/metrics", "/metrics"},
                                  {.name = "MetricsResource", .resource = "metrics"},
                                  [this](const Anyone&, Request&) { return expose(); });
    }
  }

  Task<Response> expose() {
    // Requests in flight are known to their loops alone.
    for (const auto& loop : loops_) {
      Completion<> done;
      co_await done.after([&] {
        loop->loop().post([at = loop.get(), &done] {
          at->report_usage();
          done.set();
        });
      });
    }
    co_return Response{.content_type = metrics::kContentType, .body = server_.metrics().expose()};
  }

  void close_listeners() noexcept {
    for (const auto& listener : listeners_) {
      listener->close();
    }
  }

  void abort() {
    for (const auto& loop : loops_) {
      loop->loop().post([at = loop.get()] { at->abort(); });
    }
  }

  /// Connections that were accepted before the listeners closed may be on their way to their loops, so ask
  /// there.
  Task<Wake> until_empty(HttpLoop& loop, SteadyTime end) {
    Completion<> arrived;
    co_await arrived.after([&] { loop.loop().post([&arrived] { arrived.set(); }); });
    co_return co_await loop.empty().wait(end);
  }

  Server& server_;
  RouterImpl& router_;
  RateLimits limits_;
  Gate gate_;
  HttpMetrics metrics_;
  HttpCore core_;
  std::vector<std::unique_ptr<HttpLoop>> loops_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  Limits connection_limits_;
  TaskGroup tasks_;
};

HttpServer::HttpServer(Server& server, RouterImpl& router) : impl_(std::make_unique<Impl>(server, router)) {}
HttpServer::~HttpServer() = default;
Task<void> HttpServer::start() {
  return impl_->start();
}
void HttpServer::ready() {
  impl_->ready();
}
Task<void> HttpServer::drain(std::chrono::milliseconds deadline) {
  return impl_->drain(deadline);
}
Task<void> HttpServer::stop() noexcept {
  return impl_->stop();
}
ReloadReport HttpServer::reload(const Config& config) {
  return impl_->reload(config);
}
std::vector<BoundAddress> HttpServer::addresses() const {
  return impl_->addresses();
}
service::RateLimiter& HttpServer::rate_limiter() noexcept {
  return impl_->rate_limiter();
}

}  // namespace lares::http
