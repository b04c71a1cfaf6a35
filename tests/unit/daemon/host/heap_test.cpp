// SPDX-License-Identifier: Apache-2.0
#include <host/heap.hpp>

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstddef>
#include <memory>

namespace lares::host {
namespace {

constexpr std::size_t kAnswer = 4 * 1024 * 1024;

// What the allocator has from the system for blocks of their own, while it holds one.
std::size_t own_blocks() {
  const auto block = std::make_unique_for_overwrite<std::byte[]>(kAnswer);
  // The compiler is not to leave out what nobody uses.
  block[0] = std::byte{1};
  const volatile std::byte* kept = block.get();
  static_cast<void>(*kept);
  return ::mallinfo2().hblkhd;
}

TEST(Heap, ALargeBlockGoesBackToTheSystemHoweverManyWereFreedBefore) {
  if (::mallinfo2().arena == 0) {
    GTEST_SKIP() << "the allocator is not glibc's: a sanitizer's";
  }
  give_large_blocks_back();
  const std::size_t before = ::mallinfo2().hblkhd;
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_GE(own_blocks(), before + kAnswer) << "in turn " << turn;
    EXPECT_EQ(::mallinfo2().hblkhd, before) << "after turn " << turn;
  }
}

}  // namespace
}  // namespace lares::host
