// SPDX-License-Identifier: Apache-2.0
#include <http/http_loop.hpp>
#include <http/http_metrics.hpp>
#include <http/listener.hpp>
#include <http/tls_context.hpp>
#include <http/tls_stream.hpp>

#include <lares/async/runtime.hpp>
#include <lares/base/error.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lares::http {

namespace {

/// Connections accepted before other work of the loop comes to its turn.
constexpr int kAcceptsAtATime = 64;
/// How long to pause when the process has no descriptor left.
constexpr std::chrono::milliseconds kPause{250};
constexpr std::chrono::seconds kLogEvery{10};

/// What an administrator can do about it.
std::string_view remedy(const std::error_code& error) {
  switch (error.value()) {
    case EADDRINUSE:
      return " End what listens there, or configure another place.";
    case EACCES:
      return " Configure a place that this user may use; ports below 1024 want root or CAP_NET_BIND_SERVICE.";
    case EADDRNOTAVAIL:
      return " This machine has no such address.";
    default:
      return "";
  }
}

/// The same for a unix socket, where the kernel tells who has it.
std::string remedy(const std::error_code& error, const std::string& path) {
  const std::optional<SocketHolder> holder =
      error.value() == EADDRINUSE ? holder_of(path) : std::optional<SocketHolder>{};
  if (!holder || holder->pid == 0) {
    return std::string(remedy(error));
  }
  return fmt::format(" Process {} listens there: end it, or configure another place.", holder->pid);
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

/// A listening socket on the first loop.
class Listener::Acceptor final : public std::enable_shared_from_this<Acceptor>, private Timed {
 public:
  Acceptor(Listener& owner, HttpLoop& loop, ListeningSocket socket)
      : owner_(&owner),
        wheel_(loop.wheel()),
        family_(family_of(socket.get())),
        descriptor_(loop.loop().io_context()) {
    bound_.port = port_of(socket.get());
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
    // A socket that waits to take its place has another name until then.
    bound_.address = owner.config_.path.empty() ? address_text(name) : owner.config_.path;
    bound_.tls = owner.config_.tls;
    bound_.type = owner.config_.type;
    descriptor_.assign(socket.release());
  }

  void wait() {
    descriptor_.async_wait(Descriptor::wait_read,
                           [self = shared_from_this()](const boost::system::error_code& error) {
                             if (!error && self->owner_ != nullptr) {
                               self->accept();
                             }
                           });
  }

  void close() noexcept {
    if (owner_ == nullptr) {
      return;
    }
    owner_ = nullptr;
    wheel_.remove(*this);
    boost::system::error_code ignored;
    descriptor_.close(ignored);
  }

  [[nodiscard]] const BoundAddress& bound() const noexcept { return bound_; }

 private:
  using Descriptor = boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

  void accept() {
    const ContextScope scope(owner_->context_);
    for (int turn = 0; turn < kAcceptsAtATime; ++turn) {
      sockaddr_storage peer{};
      socklen_t size = sizeof peer;
      const int descriptor = ::accept4(descriptor_.native_handle(), reinterpret_cast<sockaddr*>(&peer), &size,
                                       SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor >= 0) {
        if (family_ != AF_UNIX) {
          // A response is written in one go, so nothing is gained by holding small packets back.
          const int on = 1;
          ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        }
        owner_->take(descriptor, family_ == AF_UNIX ? bound_.address : address_text(peer));
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        owner_->core_.log.error(
            "Connections wait because the process cannot open more files ({}); raise the limit of open "
            "files or lower http.max_connections",
            std::generic_category().message(errno));
        pause();
        return;
      }
      // Anything else is about the one connection that is already gone.
    }
    wait();
  }

  /// Asking again at once would find the same and hold the loop.
  void pause() { wheel_.set(*this, owner_->core_.runtime.steady_now() + kPause); }

  void on_deadline() noexcept override {
    if (owner_ != nullptr) {
      wait();
    }
  }

  Listener* owner_;
  DeadlineWheel& wheel_;
  int family_;
  Descriptor descriptor_;
  BoundAddress bound_;
};

Listener::Listener(HttpCore& core, std::vector<std::unique_ptr<HttpLoop>>& loops, ListenerConfig config,
                   std::shared_ptr<ListenerSettings> settings)
    : core_(core),
      loops_(loops),
      config_(std::move(config)),
      settings_(std::move(settings)),
      context_(LogContext::create("http_listener", core.server_name)) {}

Listener::~Listener() {
  close();
}

void Listener::load_certificate(const std::string& certificate_path, const std::string& key_path) {
  tls_ = std::make_shared<const TlsContext>(certificate_path, key_path);
  certificate_text_ = read_text(certificate_path);
}

Task<void> Listener::open(ActivatedSockets& activated) {
  if (config_.tls) {
    try {
      load_certificate(config_.certificate_path, config_.key_path);
    } catch (const std::runtime_error& error) {
      throw StartError(fmt::format("{}: {}.", config_.name, error.what()));
    }
  }
  if (!config_.path.empty()) {
    open_unix(activated);
    co_return;
  }
  HttpLoop& first = *loops_.front();
  for (const std::string& host : config_.bind_addresses) {
    std::vector<boost::asio::ip::address> addresses;
    try {
      addresses = co_await core_.runtime.resolve(host);
    } catch (const boost::system::system_error& error) {
      throw StartError(
          fmt::format("{}: the address '{}' is unknown: {}.", config_.name, host, error.code().message()));
    }
    for (const boost::asio::ip::address& address : addresses) {
      try {
        ListeningSocket socket = activated.take_tcp(address, config_.port);
        if (!socket) {
          socket = listen_tcp(address, config_.port);
        }
        acceptors_.push_back(std::make_shared<Acceptor>(*this, first, std::move(socket)));
      } catch (const std::system_error& error) {
        // `::` stands in the defaults, and a machine may have no IPv6 at all.
        if (address.is_v6() &&
            (error.code().value() == EAFNOSUPPORT || error.code().value() == EADDRNOTAVAIL) &&
            config_.bind_addresses.size() > 1) {
          core_.log.warning("{}: not listening on '{}': {}", config_.name, address.to_string(),
                            error.code().message());
          continue;
        }
        throw StartError(fmt::format("{}: cannot listen on port {} of '{}': {}.{}", config_.name,
                                     config_.port, address.to_string(), error.code().message(),
                                     remedy(error.code())));
      }
    }
  }
  if (acceptors_.empty()) {
    throw StartError(fmt::format("{}: there is no address to listen on.", config_.name));
  }
}

void Listener::open_unix(ActivatedSockets& activated) {
  try {
    ListeningSocket socket = activated.take_unix(config_.path);
    if (!socket) {
      const std::optional<SocketHolder> holder = holder_of(config_.path);
      takes_place_ = holder && holder->stopped;
      const std::string path = takes_place_ ? place_beside(config_.path) : config_.path;
      socket = listen_unix(path, config_.mode);
      socket_file_ = SocketFile(path);
    }
    acceptors_.push_back(std::make_shared<Acceptor>(*this, *loops_.front(), std::move(socket)));
  } catch (const std::system_error& error) {
    throw StartError(fmt::format("{}: cannot listen on the unix socket '{}': {}.{}", config_.name,
                                 config_.path, error.code().message(), remedy(error.code(), config_.path)));
  }
}

void Listener::take_place() {
  if (!std::exchange(takes_place_, false)) {
    return;
  }
  try {
    const std::optional<SocketHolder> holder = holder_of(config_.path);
    if (holder && !holder->stopped) {
      throw std::system_error(EADDRINUSE, std::generic_category());
    }
    socket_file_.move_to(config_.path);
    core_.log.warning("{}: the unix socket '{}' was taken from process {}, which is stopped", config_.name,
                      config_.path, holder ? holder->pid : 0);
  } catch (const std::system_error& error) {
    throw StartError(fmt::format("{}: cannot listen on the unix socket '{}': {}.{}", config_.name,
                                 config_.path, error.code().message(), remedy(error.code(), config_.path)));
  }
}

void Listener::accept() {
  for (const auto& acceptor : acceptors_) {
    acceptor->wait();
  }
}

void Listener::close() noexcept {
  {
    // While this process listens nobody else takes the path, and the kernel gives the file's number to no
    // other file: what is removed is its own.
    const SocketFile removed = std::move(socket_file_);
  }
  for (const auto& acceptor : acceptors_) {
    acceptor->close();
  }
  acceptors_.clear();
}

void Listener::take(int descriptor, std::string peer) {
  if (core_.connections.load(std::memory_order_relaxed) >= settings_->limits.connections) {
    ::close(descriptor);
    core_.metrics.connections_refused.add();
    const SteadyTime now = core_.runtime.steady_now();
    if (now - refused_logged_ > kLogEvery) {
      refused_logged_ = now;
      core_.log.warning("Connections are refused: {} are open, which is http.max_connections",
                        settings_->limits.connections);
    }
    return;
  }
  core_.connections.fetch_add(1, std::memory_order_relaxed);
  HttpLoop& loop = *loops_[next_loop_++ % loops_.size()];
  loop.loop().post([&loop, descriptor, settings = settings_, tls = tls_, peer = std::move(peer)]() mutable {
    Socket socket(loop.loop().io_context());
    boost::system::error_code error;
    socket.assign(boost::asio::generic::stream_protocol(family_of(descriptor), 0), descriptor, error);
    if (error) {
      ::close(descriptor);
      loop.core().connections.fetch_sub(1, std::memory_order_relaxed);
      return;
    }
    std::unique_ptr<Stream> stream;
    if (tls != nullptr) {
      stream = std::make_unique<TlsStream>(std::move(socket), std::move(tls));
    } else {
      stream = std::make_unique<SocketStream>(std::move(socket));
    }
    loop.adopt(std::move(stream), std::move(settings), std::move(peer));
  });
}

bool Listener::reload_certificate(const ListenerConfig& entry) {
  if (!config_.tls) {
    return false;
  }
  const std::string before = certificate_text_;
  load_certificate(entry.certificate_path, entry.key_path);
  config_.certificate_path = entry.certificate_path;
  config_.key_path = entry.key_path;
  return certificate_text_ != before;
}

void Listener::set_limits(const Limits& limits) {
  auto settings = std::make_shared<ListenerSettings>(*settings_);
  settings->limits = limits;
  settings_ = std::move(settings);
}

std::vector<BoundAddress> Listener::addresses() const {
  std::vector<BoundAddress> result;
  for (const auto& acceptor : acceptors_) {
    result.push_back(acceptor->bound());
  }
  return result;
}

}  // namespace lares::http
