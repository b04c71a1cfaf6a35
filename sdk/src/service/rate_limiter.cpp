// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/service/rate_limiter.hpp>

namespace lares::service {

Limiter::~Limiter() = default;

void Limiter::take(std::string_view key, double count) {
  if (const auto wait = try_take(key, count)) {
    throw http::limit_exceeded(*wait);
  }
}

void Limiter::check(std::string_view key, double count) const {
  if (const auto wait = peek(key, count)) {
    throw http::limit_exceeded(*wait);
  }
}

RateLimiter::~RateLimiter() = default;

}  // namespace lares::service
