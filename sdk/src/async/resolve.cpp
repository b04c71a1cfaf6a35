// SPDX-License-Identifier: Apache-2.0
#include "resolver_pool.hpp"

#include <lares/async/blocking_pool.hpp>
#include <lares/async/promise.hpp>
#include <lares/async/real_runtime.hpp>
#include <lares/async/task_group.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <memory>
#include <utility>

namespace lares {

namespace {

using Addresses = std::vector<boost::asio::ip::address>;

constexpr std::chrono::seconds kLongest{10};

Addresses look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) {
    throw boost::system::system_error{boost::asio::error::host_not_found, host + ": " + gai_strerror(status)};
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{found, &freeaddrinfo};
  Addresses out;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    if (at->ai_family == AF_INET) {
      sockaddr_in address{};
      std::memcpy(&address, at->ai_addr, sizeof address);
      out.emplace_back(boost::asio::ip::address_v4{ntohl(address.sin_addr.s_addr)});
    } else if (at->ai_family == AF_INET6) {
      sockaddr_in6 address{};
      std::memcpy(&address, at->ai_addr, sizeof address);
      boost::asio::ip::address_v6::bytes_type bytes{};
      std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
      out.emplace_back(boost::asio::ip::address_v6{bytes, address.sin6_scope_id});
    }
  }
  if (out.empty()) {
    throw boost::system::system_error{boost::asio::error::host_not_found, host + ": no usable address"};
  }
  return out;
}

/// A look-up that nobody may be waiting for any more when it ends: the system's resolver cannot be
/// interrupted.
class LookUp final : public PoolJob {
 public:
  explicit LookUp(std::string host) : host_{std::move(host)} {}
  [[nodiscard]] Future<Addresses> future() const { return promise_.future(); }

 private:
  ~LookUp() override = default;
  void work() noexcept override {
    try {
      promise_.set(look_up(host_));
    } catch (...) {
      promise_.fail(std::current_exception());
    }
  }
  void finished() noexcept override { delete this; }
  void abandoned() noexcept override { delete this; }

  friend std::default_delete<LookUp>;
  std::string host_;
  Promise<Addresses> promise_;
};

}  // namespace

Task<Addresses> RealRuntime::resolve(std::string host) {
  boost::system::error_code not_numeric;
  const auto numeric = boost::asio::ip::make_address(host, not_numeric);
  if (!not_numeric) {
    co_return Addresses{numeric};
  }
  auto look_up = std::make_unique<LookUp>(std::move(host));
  const Future<Addresses> found = look_up->future();
  pool(kResolverPool).submit(*look_up);
  static_cast<void>(look_up.release());
  co_return co_await found.get(detail::deadline_after(kLongest));
}

}  // namespace lares
