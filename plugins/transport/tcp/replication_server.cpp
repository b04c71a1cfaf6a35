// SPDX-License-Identifier: Apache-2.0
#include "replication_server.hpp"

#include <lares/base/error.hpp>
#include <lares/stream/command.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "metrics.hpp"

namespace lares::tcp {

namespace {

using boost::asio::generic::stream_protocol;
using nlohmann::json;

constexpr std::chrono::milliseconds kFlush{1000};
constexpr std::chrono::milliseconds kPauseAfterFailure{100};
constexpr std::size_t kLongestName = 255;
// Others on the machine are not to write events as anybody.
constexpr unsigned kMode = 0600;

// A program of another make ends the connection over any other.
bool is_for_all(std::string_view line) {
  const std::string_view name = line.substr(0, line.find(' '));
  return name == "RDATA" || name == "POSITION" || name == "REMOTE_SERVER_UP" || name == "LOCK_RELEASED";
}

bool is_replication(const json& listener) {
  return listener.value("type", json{}) == "replication";
}

bool asks_for_it(const Config& config) {
  return !config.boolean("redis.enabled") && std::ranges::any_of(config.get("listeners"), is_replication);
}

boost::asio::ip::address address_of(const std::string& text, const std::string& place) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(text == "localhost" ? "127.0.0.1" : text, error);
  if (error) {
    throw StartError(
        fmt::format("{}.bind_addresses: \"{}\" is no address; a replication listener takes IP addresses "
                    "alone.",
                    place, text));
  }
  return address;
}

}  // namespace

ReplicationServer::ReplicationServer(Server& server)
    : server_(server),
      active_(asks_for_it(*server.config())),
      loop_(server.runtime().loop(0)),
      dropped_(dropped_commands(server)),
      tasks_(server.runtime(), "replication over TCP") {}

ReplicationServer::~ReplicationServer() = default;

void ReplicationServer::open(stream::TransportListener& listener) {
  listener_ = &listener;
  const ConfigPtr config = server_.config();
  const json& listeners = config->get("listeners");
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const json& entry = listeners[i];
    if (!is_replication(entry)) {
      continue;
    }
    const std::string place = fmt::format("listeners[{}]", i);
    if (entry.value("path", json{}).is_string()) {
      const bool own_mode = config->is_set(place + ".mode");
      listen_on_path(entry["path"].get<std::string>(), own_mode ? entry["mode"].get<unsigned>() : kMode,
                     place);
      continue;
    }
    for (const json& text : entry.at("bind_addresses")) {
      const boost::asio::ip::address address = address_of(text.get<std::string>(), place);
      if (!address.is_loopback()) {
        log_.warning(
            "{} is open to other machines on {}, and asks nobody who they are: whoever reaches it reads and "
            "writes what the processes of this server tell each other. Keep others out with a firewall.",
            place, text.get<std::string>());
      }
      listen(boost::asio::ip::tcp::endpoint{address, entry.at("port").get<std::uint16_t>()}, place);
    }
  }
  outbox_->server = this;
  // Whoever connects later says REPLICATE and is told everything.
  listener_->transport_connected();
  for (const auto& acceptor : acceptors_) {
    spawn(tasks_, Background{"replication-tcp", server_.name()}, accept(*acceptor), &loop_);
  }
}

void ReplicationServer::listen(const stream_protocol::endpoint& endpoint, const std::string& place) {
  auto acceptor = std::make_unique<Acceptor>(loop_.io_context());
  try {
    acceptor->open(endpoint.protocol());
    acceptor->set_option(boost::asio::socket_base::reuse_address(true));
    acceptor->bind(endpoint);
    acceptor->listen();
  } catch (const boost::system::system_error& error) {
    throw StartError(fmt::format("{} cannot be listened on: {}.", place, error.code().message()));
  }
  acceptors_.push_back(std::move(acceptor));
}

void ReplicationServer::listen_on_path(const std::string& path, unsigned mode, const std::string& place) {
  struct stat existing{};
  if (::lstat(path.c_str(), &existing) == 0 && S_ISSOCK(existing.st_mode)) {
    // What a former process left; one that still listens is a second process on this configuration.
    Link::Socket probe{loop_.io_context()};
    boost::system::error_code error;
    probe.connect(boost::asio::local::stream_protocol::endpoint{path}, error);
    if (!error) {
      throw StartError(fmt::format("{}.path: another process listens on {}.", place, path));
    }
    ::unlink(path.c_str());
  }
  const ::mode_t former = ::umask(0177);
  try {
    listen(boost::asio::local::stream_protocol::endpoint{path}, place);
  } catch (...) {
    ::umask(former);
    throw;
  }
  ::umask(former);
  ::chmod(path.c_str(), mode);
  paths_.push_back(path);
}

std::vector<std::uint16_t> ReplicationServer::ports() const {
  std::vector<std::uint16_t> ports;
  for (const auto& acceptor : acceptors_) {
    const stream_protocol::endpoint local = acceptor->local_endpoint();
    boost::asio::ip::tcp::endpoint address;
    if (local.protocol().family() != AF_UNIX && local.size() <= address.capacity()) {
      std::copy_n(static_cast<const char*>(static_cast<const void*>(local.data())), local.size(),
                  static_cast<char*>(static_cast<void*>(address.data())));
      ports.push_back(address.port());
    }
  }
  return ports;
}

Task<void> ReplicationServer::accept(Acceptor& acceptor) {
  for (;;) {
    Link::Socket socket{loop_.io_context()};
    bool failed = false;
    try {
      co_await acceptor.async_accept(socket, boost::asio::use_awaitable);
    } catch (const boost::system::system_error& error) {
      if (error.code() == boost::asio::error::operation_aborted) {
        throw;
      }
      failed = true;
      log_.warning("A connection for replication was not accepted: {}", error.code().message());
    }
    if (failed) {
      co_await server_.runtime().sleep_for(kPauseAfterFailure);
      continue;
    }
    boost::system::error_code ignored;
    socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
    auto peer = std::make_shared<Peer>(loop_, std::move(socket), bytes_);
    if (peers_.size() >= kMostConnections) {
      log_.warning("There are {} connections for replication; a further one is refused.", peers_.size());
      peer->link.fail("Too many connections");
    } else {
      peers_.push_back(peer);
      connections_.store(peers_.size(), std::memory_order_relaxed);
    }
    spawn(tasks_, Background{"replication-tcp-connection", server_.name()}, serve(std::move(peer)), &loop_);
  }
}

Task<void> ReplicationServer::serve(std::shared_ptr<Peer> peer) {
  peer->link.send(make_line("SERVER " + server_.name()));
  peer->link.send(make_line(fmt::format("PING {}", server_.runtime().now_ms())));
  std::string reason;
  try {
    reason = co_await peer->link.run([this, &who = *peer](std::string line) { take(who, std::move(line)); });
    count_close(server_, reason);
  } catch (const boost::system::system_error&) {
    reason = "this process ends";
  }
  log_.info("The connection of {} has ended: {}", peer->name.empty() ? "a process without name" : peer->name,
            reason);
  std::erase(peers_, peer);
  connections_.store(peers_.size(), std::memory_order_relaxed);
}

void ReplicationServer::take(Peer& peer, std::string line) {
  const auto command = stream::parse_command(line);
  if (!command) {
    throw LinkError(command.error());
  }
  const std::string_view name = std::string_view{line}.substr(0, line.find(' '));
  if (name == "NAME") {
    take_name(peer, std::string_view{line}.substr(std::min<std::size_t>(5, line.size())));
    return;
  }
  if (name == "REPLICATE") {
    peer.subscribed = true;
  } else if (name == "SERVER") {
    throw LinkError("invalid command for direction: SERVER");
  } else if (peer.name.empty() && !stream::is_command_name(name)) {
    // Among others a web page that has a browser send to this port.
    throw LinkError("before this command comes NAME");
  }
  const std::string* instance = nullptr;
  if (const auto* rdata = std::get_if<stream::RdataCommand>(&*command)) {
    instance = &rdata->instance;
  } else if (const auto* position = std::get_if<stream::PositionCommand>(&*command)) {
    instance = &position->instance;
  } else if (const auto* writers = std::get_if<stream::WritersCommand>(&*command)) {
    instance = &writers->instance;
  }
  if (instance != nullptr && peer.name.empty()) {
    throw LinkError("before this command comes NAME");
  }
  if (instance != nullptr && *instance != peer.name) {
    throw LinkError(fmt::format("{} cannot speak for {}", peer.name, *instance));
  }
  send_to_all(make_line(line), &peer);
  listener_->received(std::move(line));
}

void ReplicationServer::take_name(Peer& peer, std::string_view name) {
  if (!peer.name.empty()) {
    throw LinkError("NAME was said already");
  }
  if (name.empty() || name.size() > kLongestName || name.find(' ') != std::string_view::npos) {
    throw LinkError("NAME is followed by the process's name");
  }
  if (name == server_.instance()) {
    throw LinkError("this is the name of the main process");
  }
  for (const std::shared_ptr<Peer>& other : peers_) {
    // What was sent on a connection that is gone comes no more once there is a new one: an old row behind a
    // newer position would close a batch that it does not belong to.
    if (other->name == name) {
      other->link.fail("another connection has this name");
    }
  }
  peer.name = name;
  log_.info("{} has connected.", name);
}

void ReplicationServer::send_to_all(const Line& line, const Peer* from) {
  const bool for_all = is_for_all(*line);
  for (const std::shared_ptr<Peer>& peer : peers_) {
    if (peer->subscribed && peer.get() != from && (for_all || peer->link.signed_lares())) {
      peer->link.send(line);
    }
  }
}

void ReplicationServer::fail_all(std::string_view sentence) {
  for (const std::shared_ptr<Peer>& peer : peers_) {
    if (peer->subscribed) {
      peer->link.fail(sentence);
    }
  }
}

void ReplicationServer::publish(std::string line) {
  if (outbox_->overrun.load()) {
    dropped_.add();
    return;
  }
  if (outbox_->posted.fetch_add(1) >= Link::kMostQueued) {
    outbox_->posted.fetch_sub(1);
    dropped_.add();
    if (!outbox_->overrun.exchange(true)) {
      // Behind what was posted before; the others come back and ask for positions.
      loop_.post([outbox = outbox_] {
        if (outbox->server != nullptr) {
          outbox->server->fail_all("Failed to keep up");
        }
        outbox->overrun.store(false);
      });
    }
    return;
  }
  loop_.post([outbox = outbox_, line = make_line(line)] {
    outbox->posted.fetch_sub(1);
    if (outbox->server != nullptr) {
      outbox->server->send_to_all(line, nullptr);
    }
  });
}

Task<void> ReplicationServer::close() noexcept {
  co_await flush();
  outbox_->server = nullptr;
  co_await tasks_.stop();
  // While it listens no other process takes the path, so that what is removed is its own.
  for (const std::string& path : std::exchange(paths_, {})) {
    ::unlink(path.c_str());
  }
  acceptors_.clear();
}

Task<void> ReplicationServer::flush() {
  const SteadyTime deadline = server_.runtime().steady_now() + kFlush;
  // What other threads have posted comes before what this posts.
  co_await server_.runtime().sleep_for(std::chrono::nanoseconds{0});
  const std::vector<std::shared_ptr<Peer>> peers = peers_;
  for (const std::shared_ptr<Peer>& peer : peers) {
    for (;;) {
      const std::uint64_t seen = peer->link.written().version();
      const bool over = peer->link.idle() || std::ranges::find(peers_, peer) == peers_.end();
      if (over || co_await peer->link.written().wait_beyond(seen, deadline) == Wake::kTimeout) {
        break;
      }
    }
  }
}

}  // namespace lares::tcp
