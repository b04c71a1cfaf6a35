// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace lares::crypto {

/// Where chance comes from: the process's Runtime implements it with the system's generator, a simulation
/// with a seed.
///
/// Nothing in crypto or matrix draws chance elsewhere.
///
/// **Threads** implementations are callable from any thread.
class LARES_EXPORT RandomSource {
 public:
  virtual ~RandomSource();
  /// Fills `out`; cannot fail.
  virtual void fill(std::span<std::uint8_t> out) = 0;

 protected:
  RandomSource() = default;
  RandomSource(const RandomSource&) = default;
  RandomSource& operator=(const RandomSource&) = default;
};

/// `length` letters and digits (A-Z, a-z, 0-9), each equally likely: 5.95 bits a character.
[[nodiscard]] LARES_EXPORT std::string random_alphanumeric(RandomSource& random, std::size_t length);

}  // namespace lares::crypto
