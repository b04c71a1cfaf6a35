// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <chrono>
#include <optional>
#include <string_view>

namespace lares::service {

/// One `rc_*` limit: a token bucket per key. It counts per process; where several processes serve one kind of
/// request, each admits the configured rate.
///
/// Keys are hashed with a secret of the process, so that memory per key is a few bytes and nobody can aim at
/// a bucket. The number of keys is bounded; beyond it those that are furthest from their limit are forgotten
/// first.
///
/// **Threads**: any; a call takes well under a microsecond and never waits.
/// **Lifetime**: of the RateLimiter. A reload changes rate and burst in place.
class LARES_EXPORT Limiter {
 public:
  virtual ~Limiter();

  /// Takes `count` actions from the key's bucket; fewer than none are given back. Nothing on success; else
  /// nothing is taken, and the result says after what time the same call would succeed.
  [[nodiscard]] virtual std::optional<std::chrono::milliseconds> try_take(std::string_view key,
                                                                          double count = 1) noexcept = 0;

  /// Whether `count` actions could be taken now, without taking them. For limits that only failures use up.
  [[nodiscard]] virtual std::optional<std::chrono::milliseconds> peek(std::string_view key,
                                                                      double count = 1) const noexcept = 0;

  /// As try_take. **Errors**: MatrixError 429 M_LIMIT_EXCEEDED with retry_after_ms and Retry-After.
  void take(std::string_view key, double count = 1);
  /// As peek. **Errors**: as take.
  void check(std::string_view key, double count = 1) const;
};

/// The rate limits of one server. Provided by the daemon.
///
///     Limiter& joins = server.services().get<service::RateLimiter>().limiter("rc_joins.local");
///     joins.take(requester.user().view());
///
/// **Threads**: any.
class LARES_EXPORT RateLimiter {
 public:
  static constexpr std::string_view kServiceId = "lares.rate-limiter/1";
  virtual ~RateLimiter();

  /// The limit of a configuration key: "rc_message", "rc_login.address", "rc_joins.local". Look it up once,
  /// in start().
  /// **Errors**: std::logic_error for a key that the daemon does not declare.
  [[nodiscard]] virtual Limiter& limiter(std::string_view config_key) = 0;
};

}  // namespace lares::service
