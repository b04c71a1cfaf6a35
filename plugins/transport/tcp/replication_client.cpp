// SPDX-License-Identifier: Apache-2.0
#include "replication_client.hpp"

#include <lares/async/timeout.hpp>
#include <lares/async/when_all.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "metrics.hpp"

namespace lares::tcp {

namespace {

using namespace std::chrono_literals;
using boost::asio::generic::stream_protocol;

constexpr auto kConnectDeadline = 10s;
constexpr std::chrono::milliseconds kFirstPause = 100ms;
constexpr std::chrono::milliseconds kLongestPause = 5s;
constexpr auto kFlush = 1s;

bool asks_for_it(const Config& config) {
  return !config.boolean("redis.enabled") && (!config.get("worker_replication_port").is_null() ||
                                              config.string("worker_replication_host").starts_with('/'));
}

}  // namespace

ReplicationClient::ReplicationClient(Server& server)
    : server_(server),
      active_(asks_for_it(*server.config())),
      host_(server.config()->string("worker_replication_host")),
      port_(host_.starts_with('/') || !active_
                ? std::uint16_t{0}
                : static_cast<std::uint16_t>(server.config()->integer("worker_replication_port"))),
      loop_(server.runtime().loop(0)),
      dropped_(dropped_commands(server)),
      tasks_(server.runtime(), "replication over TCP") {}

ReplicationClient::~ReplicationClient() = default;

void ReplicationClient::open(stream::TransportListener& listener) {
  listener_ = &listener;
  spawn(tasks_, Background{"replication-tcp", server_.name()}, run(), &loop_);
}

void ReplicationClient::publish(std::string line) {
  if (loop_.is_current() && greeting_) {
    outbox_->link->send(make_line(line));
    return;
  }
  const std::uint64_t session = outbox_->session.load();
  if (session == 0) {
    dropped_.add();
    return;
  }
  if (outbox_->posted.fetch_add(1) >= Link::kMostQueued) {
    outbox_->posted.fetch_sub(1);
    dropped_.add();
    std::uint64_t lost = session;
    if (outbox_->session.compare_exchange_strong(lost, 0)) {
      loop_.post([outbox = outbox_] {
        if (outbox->link != nullptr) {
          outbox->link->fail("Failed to keep up");
        }
      });
    }
    return;
  }
  loop_.post([outbox = outbox_, session, line = make_line(line)] {
    outbox->posted.fetch_sub(1);
    if (outbox->link != nullptr && outbox->session.load() == session) {
      outbox->link->send(line);
    }
  });
}

Task<void> ReplicationClient::run() {
  std::chrono::milliseconds pause = kFirstPause;
  std::string logged;
  while (!tasks_.cancelled()) {
    std::string failure;
    try {
      failure = co_await session();
    } catch (const boost::system::system_error& error) {
      failure = error.code().message();
    } catch (const std::exception& error) {
      failure = error.what();
    }
    outbox_->session.store(0);
    outbox_->link = nullptr;
    if (tasks_.cancelled()) {
      co_return;
    }
    const bool greeted = greeted_;
    greeted_ = false;
    if (greeted) {
      count_close(server_, failure);
      pause = kFirstPause;
      listener_->transport_disconnected();
    }
    // Once, not at each try.
    if (greeted || failure != logged) {
      log_.warning(
          "No connection to the main process's replication listener at {}: {}. It is tried again until it "
          "succeeds; meanwhile the other processes learn nothing new from this one.",
          port_ == 0 ? host_ : fmt::format("{} port {}", host_, port_), failure);
      logged = failure;
    }
    co_await server_.runtime().sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

Task<std::string> ReplicationClient::session() {
  Link::Socket socket = co_await with_timeout(kConnectDeadline, connect());
  Link link{loop_, std::move(socket), bytes_};
  Event settled;
  const auto [reason, nothing] = co_await when_all(converse(link, settled), wait_for_greeting(link, settled));
  co_return reason;
}

Task<std::string> ReplicationClient::converse(Link& link, Event& settled) {
  std::string reason = co_await link.run([this, &link, &settled](std::string line) {
    take(link, std::move(line));
    settled.set();
  });
  settled.set();
  co_return reason;
}

Task<void> ReplicationClient::wait_for_greeting(Link& link, Event& settled) {
  if (co_await settled.wait(loop_.now() + kConnectDeadline) == Wake::kTimeout) {
    link.fail("SERVER was not said");
  }
}

Task<Link::Socket> ReplicationClient::connect() {
  std::vector<stream_protocol::endpoint> candidates;
  if (port_ == 0) {
    candidates.emplace_back(boost::asio::local::stream_protocol::endpoint{host_});
  } else {
    for (const auto& address : co_await server_.runtime().resolve(host_)) {
      candidates.emplace_back(boost::asio::ip::tcp::endpoint{address, port_});
    }
  }
  boost::system::error_code last = boost::asio::error::host_not_found;
  for (const stream_protocol::endpoint& candidate : candidates) {
    Link::Socket socket{loop_.io_context()};
    try {
      co_await socket.async_connect(candidate, boost::asio::use_awaitable);
      boost::system::error_code ignored;
      socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
      co_return socket;
    } catch (const boost::system::system_error& error) {
      if (error.code() == boost::asio::error::operation_aborted) {
        throw;
      }
      last = error.code();
    }
  }
  throw boost::system::system_error(last);
}

void ReplicationClient::take(Link& link, std::string line) {
  if (greeted_) {
    listener_->received(std::move(line));
    return;
  }
  if (line != "SERVER " + server_.name()) {
    log_.warning("What listens at worker_replication_host is not the main process of {}: it says {}",
                 server_.name(), line.substr(0, 300));
    throw LinkError("Wrong remote");
  }
  greet(link);
}

void ReplicationClient::greet(Link& link) {
  link.send(make_line("NAME " + server_.instance()));
  link.send(make_line(fmt::format("PING {} {}", server_.runtime().now_ms(), kSign)));
  outbox_->link = &link;
  outbox_->session.store(++sessions_);
  greeted_ = true;
  greeting_ = true;
  // The hub says REPLICATE, and where this process stands.
  listener_->transport_connected();
  greeting_ = false;
}

Task<void> ReplicationClient::close() noexcept {
  co_await flush();
  co_await tasks_.stop();
  outbox_->session.store(0);
  outbox_->link = nullptr;
}

Task<void> ReplicationClient::flush() {
  const SteadyTime deadline = server_.runtime().steady_now() + kFlush;
  // What other threads have posted comes before what this posts.
  co_await server_.runtime().sleep_for(std::chrono::nanoseconds{0});
  while (outbox_->link != nullptr && !outbox_->link->idle()) {
    if (server_.runtime().steady_now() >= deadline) {
      co_return;
    }
    co_await server_.runtime().sleep_for(1ms);
  }
}

}  // namespace lares::tcp
