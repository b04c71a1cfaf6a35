// SPDX-License-Identifier: Apache-2.0
#include "redis_transport.hpp"

#include <lares/async/timeout.hpp>
#include <lares/base/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace lares::redis {

namespace {

using namespace std::chrono_literals;

constexpr auto kConnectDeadline = 10s;
constexpr std::chrono::milliseconds kFirstPause = 100ms;
constexpr std::chrono::milliseconds kLongestPause = 5s;
// A Redis that says nothing for this long after it was asked is gone.
constexpr auto kKeepAlive = 10s;
constexpr auto kFlush = 1s;

Address address_of(const Config& config) {
  return {.host = config.string("redis.host"),
          .port = static_cast<std::uint16_t>(config.integer("redis.port")),
          .path = config.string("redis.path"),
          .username = config.string("redis.username"),
          .password = config.string("redis.password"),
          .database = config.integer("redis.dbid")};
}

// A file of the configuration, handed to OpenSSL; what fails names the key.
template <class Load>
void load(const Config& config, std::string_view key, Load load_file) {
  const std::string file = config.string(key);
  if (file.empty()) {
    return;
  }
  boost::system::error_code error;
  load_file(file, error);
  if (error) {
    throw StartError(
        fmt::format("{}: {} cannot be used: {}. Name a readable file in PEM.", key, file, error.message()));
  }
}

std::unique_ptr<boost::asio::ssl::context> tls_of(const Config& config) {
  namespace ssl = boost::asio::ssl;
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(ssl::verify_peer);
  if (config.string("redis.ca_file").empty() && config.string("redis.ca_path").empty()) {
    context->set_default_verify_paths();
  }
  using Error = boost::system::error_code;
  load(config, "redis.ca_file",
       [&context](const std::string& file, Error& error) { context->load_verify_file(file, error); });
  load(config, "redis.ca_path",
       [&context](const std::string& folder, Error& error) { context->add_verify_path(folder, error); });
  load(config, "redis.certificate_file", [&context](const std::string& file, Error& error) {
    context->use_certificate_chain_file(file, error);
  });
  load(config, "redis.private_key_file", [&context](const std::string& file, Error& error) {
    context->use_private_key_file(file, boost::asio::ssl::context::pem, error);
  });
  return context;
}

std::string_view text_of(const redisReply& reply) {
  return reply.type == REDIS_REPLY_STRING ? std::string_view{reply.str, static_cast<std::size_t>(reply.len)}
                                          : std::string_view{};
}

}  // namespace

RedisTransport::RedisTransport(Server& server)
    : server_(server),
      active_(server.config()->boolean("redis.enabled")),
      channel_(server.name()),
      address_(address_of(*server.config())),
      loop_(server.runtime().loop(0)),
      tasks_(server.runtime(), "replication through Redis"),
      dropped_(server.metrics()
                   .counters({.name = "lares_replication_redis_dropped_commands",
                              .help = "Commands that were not published for want of a connection to Redis.",
                              .labels = {metrics::Label::server_name()}})
                   .at({server.name()})),
      lost_(server.metrics()
                .counters(
                    {.name = "synapse_replication_tcp_protocol_close_reason",
                     .help = "Connections between processes that have ended.",
                     .labels = {metrics::Label::server_name(),
                                metrics::Label::closed("reason_type", {"ConnectionDone", "ConnectionLost"})}})
                .at({server.name(), "ConnectionLost"})) {}

void RedisTransport::open(stream::TransportListener& listener) {
  listener_ = &listener;
  const ConfigPtr config = server_.config();
  if (config->boolean("redis.use_tls")) {
    tls_ = tls_of(*config);
  }
  spawn(tasks_, Background{"replication-redis", server_.name()}, run(), &loop_);
}

void RedisTransport::publish(std::string line) {
  std::string command = encode({"PUBLISH", channel_, line});
  if (loop_.is_current() && greeting_) {
    outbox_->bytes.fetch_add(command.size());
    outbox_->waiting += command;
    return;
  }
  const std::uint64_t session = outbox_->session.load();
  if (session == 0) {
    dropped_.add();
    return;
  }
  if (outbox_->bytes.fetch_add(command.size()) + command.size() > kMostQueued) {
    outbox_->bytes.fetch_sub(command.size());
    dropped_.add();
    give_up(*outbox_, session);
    return;
  }
  loop_.post([outbox = outbox_, session, command = std::move(command)] {
    if (outbox->session.load() != session) {
      outbox->bytes.fetch_sub(command.size());
      return;
    }
    outbox->waiting += command;
    outbox->changed.notify();
  });
}

void RedisTransport::give_up(Outbox& outbox, std::uint64_t session) noexcept {
  if (outbox.session.compare_exchange_strong(session, 0)) {
    outbox.changed.notify();
  }
}

Task<void> RedisTransport::close() noexcept {
  co_await flush();
  co_await tasks_.stop();
  end_session();
}

Task<void> RedisTransport::flush() {
  const SteadyTime deadline = server_.runtime().steady_now() + kFlush;
  for (;;) {
    const std::uint64_t seen = outbox_->sent.version();
    if (!connected() || queued() == 0 ||
        co_await outbox_->sent.wait_beyond(seen, deadline) == Wake::kTimeout) {
      co_return;
    }
  }
}

Task<void> RedisTransport::run() {
  std::chrono::milliseconds pause = kFirstPause;
  std::string logged;
  while (!tasks_.cancelled()) {
    std::string failure;
    try {
      co_await session();
    } catch (const boost::system::system_error& error) {
      failure = error.code().message();
    } catch (const std::exception& error) {
      failure = error.what();
    }
    while (failure.ends_with('.')) {
      failure.pop_back();  // Redis' own sentences end with one
    }
    const bool greeted = std::exchange(greeted_, false);
    end_session();
    if (tasks_.cancelled()) {
      co_return;
    }
    if (greeted) {
      lost_.add();
      pause = kFirstPause;
      listener_->transport_disconnected();
    }
    // Once, not at each try.
    if (greeted || failure != logged) {
      log_.warning(
          "No connection to Redis at {}: {}. It is tried again until it succeeds; meanwhile the other "
          "processes learn "
          "nothing new from this one.",
          address_.path.empty() ? fmt::format("{} port {}", address_.host, address_.port) : address_.path,
          failure);
      logged = failure;
    }
    co_await server_.runtime().sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

Task<void> RedisTransport::session() {
  Connection subscriber{loop_, address_, tls_.get()};
  Connection publisher{loop_, address_, tls_.get()};
  co_await with_timeout(kConnectDeadline, greet(subscriber, publisher));
  begin_session();
  std::vector<Task<void>> parts;
  parts.push_back(listen(subscriber));
  parts.push_back(write(publisher, sessions_));
  parts.push_back(read_answers(publisher));
  parts.push_back(keep_alive(subscriber, publisher));
  co_await when_all(std::move(parts));
}

Task<void> RedisTransport::greet(Connection& subscriber, Connection& publisher) {
  co_await publisher.open();
  co_await subscriber.open();
  // What is published from the confirmation on arrives.
  co_await subscriber.call({"SUBSCRIBE", channel_});
}

void RedisTransport::begin_session() {
  // Others may publish from here on, and stand behind what the hub announces now, since their commands come
  // through the loop.
  outbox_->session.store(++sessions_);
  greeted_ = true;
  greeting_ = true;
  listener_->transport_connected();
  greeting_ = false;
}

void RedisTransport::end_session() {
  outbox_->session.store(0);
  outbox_->bytes.fetch_sub(outbox_->waiting.size() + outbox_->sending.size());
  outbox_->waiting = {};
  outbox_->sending = {};
  outbox_->sent.notify();
}

Task<void> RedisTransport::listen(Connection& subscriber) {
  for (;;) {
    const ReplyPtr reply = co_await subscriber.read();
    if (reply->type == REDIS_REPLY_ERROR) {
      throw RedisError(
          fmt::format("it reports {}", std::string_view{reply->str, static_cast<std::size_t>(reply->len)}));
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        text_of(*reply->element[0]) != "message") {
      continue;  // the answer to a PING
    }
    const std::string_view line = text_of(*reply->element[2]);
    if (!line.empty()) {
      listener_->received(std::string{line});
    }
  }
}

Task<void> RedisTransport::write(Connection& publisher, std::uint64_t session) {
  for (;;) {
    const std::uint64_t seen = outbox_->changed.version();
    if (outbox_->session.load() != session) {
      throw RedisError(fmt::format("{} bytes wait for it, which is too slow", kMostQueued));
    }
    if (outbox_->waiting.empty()) {
      co_await outbox_->changed.wait_beyond(seen, SteadyTime::max());
      continue;
    }
    outbox_->sending = std::exchange(outbox_->waiting, {});
    co_await publisher.send(outbox_->sending);
    outbox_->bytes.fetch_sub(outbox_->sending.size());
    outbox_->sending.clear();
    outbox_->sent.notify();
  }
}

Task<void> RedisTransport::read_answers(Connection& publisher) {
  for (;;) {
    const ReplyPtr reply = co_await publisher.read();
    if (reply->type == REDIS_REPLY_ERROR) {
      throw RedisError(fmt::format("it refused a command: {}",
                                   std::string_view{reply->str, static_cast<std::size_t>(reply->len)}));
    }
  }
}

Task<void> RedisTransport::keep_alive(Connection& subscriber, Connection& publisher) {
  const std::string ping = encode({"PING"});
  for (;;) {
    const SteadyTime asked = loop_.now();
    co_await subscriber.send(ping);
    outbox_->bytes.fetch_add(ping.size());
    outbox_->waiting += ping;
    outbox_->changed.notify();
    co_await server_.runtime().sleep_for(kKeepAlive);
    if (subscriber.heard() < asked || publisher.heard() < asked) {
      throw RedisError(fmt::format("it did not answer within {} s", kKeepAlive.count()));
    }
  }
}

}  // namespace lares::redis
