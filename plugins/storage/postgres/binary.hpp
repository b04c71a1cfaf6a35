// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

namespace lares::storage::postgres {

// Type numbers of PostgreSQL (src/include/catalog/pg_type.dat), which never change.
namespace oid {
inline constexpr unsigned kBool = 16;
inline constexpr unsigned kBytea = 17;
inline constexpr unsigned kName = 19;
inline constexpr unsigned kInt8 = 20;
inline constexpr unsigned kInt2 = 21;
inline constexpr unsigned kInt4 = 23;
inline constexpr unsigned kText = 25;
inline constexpr unsigned kFloat4 = 700;
inline constexpr unsigned kFloat8 = 701;
inline constexpr unsigned kUnknown = 705;
inline constexpr unsigned kBoolArray = 1000;
inline constexpr unsigned kByteaArray = 1001;
inline constexpr unsigned kTextArray = 1009;
inline constexpr unsigned kInt8Array = 1016;
inline constexpr unsigned kFloat8Array = 1022;
inline constexpr unsigned kBpchar = 1042;
inline constexpr unsigned kVarchar = 1043;
inline constexpr unsigned kNumeric = 1700;
}  // namespace oid

/// Integers as PostgreSQL sends them: most significant byte first.
template <class T>
void append_network(std::string& out, T value) {
  for (int shift = (static_cast<int>(sizeof(T)) - 1) * 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift));
  }
}

template <class T>
[[nodiscard]] T from_network(const char* bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = value << 8U | static_cast<unsigned char>(bytes[i]);
  }
  return static_cast<T>(value);
}

}  // namespace lares::storage::postgres
