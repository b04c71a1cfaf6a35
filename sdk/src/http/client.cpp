// SPDX-License-Identifier: Apache-2.0
#include "client_connection.hpp"

#include <lares/async/event.hpp>
#include <lares/async/runtime.hpp>
#include <lares/async/task_group.hpp>
#include <lares/async/timeout.hpp>
#include <lares/base/error.hpp>
#include <lares/base/metrics.hpp>
#include <lares/base/strings.hpp>
#include <lares/http/client.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

namespace lares::http {

ClientError::ClientError(Kind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
ClientError::ClientError(const ClientError&) = default;
ClientError::~ClientError() = default;

std::string_view ClientResponse::header(std::string_view name) const noexcept {
  for (const auto& [key, value] : headers) {
    if (equals_ignore_case(key, name)) {
      return value;
    }
  }
  return {};
}

namespace {

using Kind = ClientError::Kind;

constexpr std::chrono::seconds kSweep{5};

/// What is kept for one endpoint on one loop.
struct Host {
  std::vector<std::unique_ptr<ClientConnection>> idle;
  std::size_t open = 0;     ///< idle ones included
  std::size_t waiting = 0;  ///< requests that wait for one
  WaitList waiters;
};

/// What is kept on one loop.
struct Pool {
  std::map<Endpoint, Host> hosts;
  std::vector<ClientConnection*> active;
  std::size_t kept = 0;
  bool sweeping = false;
};

}  // namespace

class Client::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Runtime& runtime, ClientOptions options)
      : runtime_(runtime),
        options_(std::move(options)),
        pools_(runtime.loop_count()),
        tasks_(runtime, "http_client"),
        requests_(runtime.metrics().counters({.name = "synapse_http_client_requests",
                                              .help = "Requests made to other services.",
                                              .labels = {metrics::Label::server_name(), method_label()}})),
        responses_(
            runtime.metrics().counters({.name = "synapse_http_client_responses",
                                        .help = "Responses of other services, and errors in their place.",
                                        .labels = {metrics::Label::server_name(), method_label(),
                                                   metrics::Label::bounded("code", 64)}})),
        tls_(boost::asio::ssl::context::tls_client) {
    tls_.set_default_verify_paths();
    for (const std::string& file : options_.extra_ca_files) {
      boost::system::error_code error;
      tls_.load_verify_file(file, error);
      if (error) {
        throw StartError(fmt::format("The CA file '{}' cannot be used: {}.", file, error.message()));
      }
    }
    tls_.set_verify_mode(options_.verify_certificates ? boost::asio::ssl::verify_peer
                                                      : boost::asio::ssl::verify_none);
    SSL_CTX_set_min_proto_version(tls_.native_handle(),
                                  options_.minimum_tls_version == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION);
  }

  Task<ClientResponse> send(Endpoint endpoint, ClientRequest request) {
    // The request holds what it runs on: stop() may be followed at once by the client's end.
    const std::shared_ptr<Impl> keep = shared_from_this();
    const std::string_view method = to_string(request.method);
    requests_.at({options_.server_name, method}).add();
    const std::chrono::milliseconds deadline = request.deadline;
    try {
      ClientResponse response = co_await with_timeout(deadline, run(std::move(endpoint), std::move(request)));
      responses_.at({options_.server_name, method, std::to_string(response.status)}).add();
      co_return response;
    } catch (const TimeoutError&) {
      responses_.at({options_.server_name, method, "timeout"}).add();
      throw ClientError(Kind::Timeout, fmt::format("No response within {} ms", deadline.count()));
    } catch (...) {
      responses_.at({options_.server_name, method, "error"}).add();
      throw;
    }
  }

  Task<void> stop() noexcept {
    stopped_.store(true);
    for (std::size_t at = 0; at < pools_.size(); ++at) {
      runtime_.loop(at).post([self = shared_from_this(), at] {
        Pool& pool = self->pools_[at];
        for (ClientConnection* connection : pool.active) {
          connection->close();
        }
        for (auto& [endpoint, host] : pool.hosts) {
          host.open -= host.idle.size();
          host.idle.clear();
          WakeBatch batch;
          const std::lock_guard lock(host.waiters.mutex());
          host.waiters.take_all(batch);
        }
        pool.kept = 0;
      });
    }
    co_await tasks_.stop();
    while (running_.load() != 0) {
      co_await runtime_.sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  static metrics::Label method_label() {
    return metrics::Label::closed("method", {"GET", "PUT", "POST", "DELETE", "PATCH"});
  }

  /// A connection that is in use; gives it back or closes it.
  class Lease {
   public:
    Lease(Impl& owner, std::size_t loop, Host& host, std::unique_ptr<ClientConnection> connection)
        : owner_(owner), loop_(loop), host_(host), connection_(std::move(connection)) {
      owner_.pools_[loop_].active.push_back(connection_.get());
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      Pool& pool = owner_.pools_[loop_];
      std::erase(pool.active, connection_.get());
      if (keep_ && !owner_.stopped_.load() && pool.kept < owner_.options_.kept_connections) {
        connection_->idle_since = owner_.runtime_.loop(loop_).now();
        host_.idle.push_back(std::move(connection_));
        ++pool.kept;
      } else {
        --host_.open;
      }
      owner_.sweep_later(loop_);
      WakeBatch batch;
      const std::lock_guard lock(host_.waiters.mutex());
      host_.waiters.take_one(batch);
    }
    [[nodiscard]] ClientConnection& operator*() const noexcept { return *connection_; }
    [[nodiscard]] ClientConnection* operator->() const noexcept { return connection_.get(); }
    void keep() noexcept { keep_ = true; }

   private:
    Impl& owner_;
    std::size_t loop_;
    Host& host_;
    std::unique_ptr<ClientConnection> connection_;
    bool keep_ = false;
  };

  struct Running {
    explicit Running(std::atomic<std::size_t>& count) : count_(count) { count_.fetch_add(1); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { count_.fetch_sub(1); }
    std::atomic<std::size_t>& count_;
  };

  std::string format_header(const Endpoint& endpoint, const ClientRequest& request) const {
    std::string out = fmt::format("{} {} HTTP/1.1\r\nHost: ", to_string(request.method), request.target);
    if (!endpoint.host_header.empty()) {
      out += endpoint.host_header;
    } else if (endpoint.unix_path.empty()) {
      const bool v6 = endpoint.host.find(':') != std::string::npos;
      out += fmt::format("{}{}{}:{}", v6 ? "[" : "", endpoint.host, v6 ? "]" : "", endpoint.port);
    } else {
      out += "localhost";
    }
    out += fmt::format("\r\nUser-Agent: {}\r\n", options_.user_agent);
    if (!request.body.empty()) {
      out += fmt::format("Content-Type: {}\r\n", request.content_type);
    }
    if (!request.body.empty() || request.method != Method::Get) {
      out += fmt::format("Content-Length: {}\r\n", request.body.size());
    }
    for (const auto& [name, value] : request.headers) {
      out += fmt::format("{}: {}\r\n", name, value);
    }
    out += "\r\n";
    if (out.find('\0') != std::string::npos || request.target.find_first_of(" \r\n") != std::string::npos ||
        std::any_of(request.headers.begin(), request.headers.end(), [](const auto& field) {
          return field.first.find_first_of("\r\n: ") != std::string::npos ||
                 field.second.find_first_of("\r\n") != std::string::npos;
        })) {
      throw std::invalid_argument("A target or header of an outgoing request contains a line end.");
    }
    return out;
  }

  /// Waits until this endpoint may have one connection more, or an idle one is there.
  Task<void> wait_for_turn(Host& host, const Endpoint& endpoint) {
    while (host.idle.empty() && host.open >= options_.connections_per_endpoint) {
      if (stopped_.load()) {
        throw ClientError(Kind::Stopped, "The HTTP client was stopped");
      }
      if (host.waiting >= options_.waiting_per_endpoint) {
        throw ClientError(Kind::Busy,
                          fmt::format("{} requests wait for a connection to {} already", host.waiting,
                                      endpoint.unix_path.empty() ? endpoint.host : endpoint.unix_path));
      }
      Waiter waiter;
      {
        const std::lock_guard lock(host.waiters.mutex());
        host.waiters.add(waiter);
      }
      ++host.waiting;
      const Wake wake = co_await WaitList::wait(waiter);
      --host.waiting;
      if (wake == Wake::kCancelled) {
        throw boost::system::system_error(boost::asio::error::operation_aborted);
      }
    }
  }

  Task<ClientResponse> run(Endpoint endpoint, ClientRequest request) {
    const Running running(running_);
    if (stopped_.load()) {
      throw ClientError(Kind::Stopped, "The HTTP client was stopped");
    }
    const std::string header = format_header(endpoint, request);
    Loop& loop = *Loop::current();
    Pool& pool = pools_[loop.index()];
    Host& host = pool.hosts[endpoint];
    for (;;) {
      co_await wait_for_turn(host, endpoint);
      std::unique_ptr<ClientConnection> connection;
      while (!host.idle.empty() && connection == nullptr) {
        connection = std::move(host.idle.back());
        host.idle.pop_back();
        --pool.kept;
        if (connection->stale()) {
          connection.reset();
          --host.open;
        }
      }
      const bool kept = connection != nullptr;
      if (!kept) {
        connection = std::make_unique<ClientConnection>(loop);
        ++host.open;
      }
      Lease lease(*this, loop.index(), host, std::move(connection));
      try {
        if (!kept) {
          co_await connect(*lease, endpoint);
        }
        ClientResponse response = co_await lease->exchange(header, request);
        if (lease->reusable()) {
          lease.keep();
        }
        co_return response;
      } catch (const ClientError& error) {
        if (stopped_.load()) {
          throw ClientError(Kind::Stopped, "The HTTP client was stopped");
        }
        if (!kept || lease->answered() || error.kind() != Kind::Closed ||
            !request.retry_on_stale_connection) {
          throw;
        }
      } catch (const boost::system::system_error&) {
        if (stopped_.load()) {
          throw ClientError(Kind::Stopped, "The HTTP client was stopped");
        }
        throw;
      }
    }
  }

  Task<void> connect(ClientConnection& connection, const Endpoint& endpoint) {
    try {
      co_await with_timeout(options_.connect_timeout,
                            connection.connect(runtime_, endpoint, endpoint.tls ? &tls_ : nullptr,
                                               options_.verify_certificates));
    } catch (const TimeoutError&) {
      throw ClientError(Kind::Connect,
                        fmt::format("No connection within {} ms", options_.connect_timeout.count()));
    }
  }

  void sweep_later(std::size_t loop) {
    Pool& pool = pools_[loop];
    if (!pool.sweeping && !tasks_.cancelled()) {
      pool.sweeping = true;
      spawn(tasks_, Background("http_client_idle", options_.server_name), sweep(shared_from_this(), loop),
            &runtime_.loop(loop));
    }
  }

  /// Closes what was idle for long and forgets endpoints that nobody talks to, until none is left.
  static Task<void> sweep(std::shared_ptr<Impl> self, std::size_t loop) {
    Pool& pool = self->pools_[loop];
    while (!pool.hosts.empty()) {
      co_await self->runtime_.sleep_for(kSweep);
      const SteadyTime limit = self->runtime_.loop(loop).now() - self->options_.keep_idle;
      for (auto& [endpoint, host] : pool.hosts) {
        const std::size_t gone = std::erase_if(host.idle, [limit](const auto& connection) {
          return connection->idle_since < limit || connection->stale();
        });
        host.open -= gone;
        pool.kept -= gone;
      }
      std::erase_if(pool.hosts,
                    [](const auto& entry) { return entry.second.open == 0 && entry.second.waiting == 0; });
    }
    pool.sweeping = false;
  }

  Runtime& runtime_;
  ClientOptions options_;
  std::vector<Pool> pools_;
  TaskGroup tasks_;
  metrics::Family<metrics::Counter> requests_;
  metrics::Family<metrics::Counter> responses_;
  boost::asio::ssl::context tls_;
  std::atomic<bool> stopped_{false};
  std::atomic<std::size_t> running_{0};
};

Client::Client(Runtime& runtime, ClientOptions options)
    : impl_(std::make_shared<Impl>(runtime, std::move(options))) {}
Client::~Client() = default;
Task<ClientResponse> Client::send(Endpoint endpoint, ClientRequest request) {
  return impl_->send(std::move(endpoint), std::move(request));
}
Task<void> Client::stop() noexcept {
  return impl_->stop();
}

}  // namespace lares::http
