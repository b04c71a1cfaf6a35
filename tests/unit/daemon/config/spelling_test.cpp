// SPDX-License-Identifier: Apache-2.0
#include <config/spelling.hpp>

#include <gtest/gtest.h>

namespace lares::config {
namespace {

TEST(Spelling, CountsLettersInsertedRemovedChangedAndSwapped) {
  EXPECT_EQ(spelling_distance("port", "port"), 0U);
  EXPECT_EQ(spelling_distance("prot", "port"), 1U);
  EXPECT_EQ(spelling_distance("por", "port"), 1U);
  EXPECT_EQ(spelling_distance("", "port"), 4U);
  EXPECT_EQ(spelling_distance("kitten", "sitting"), 3U);
}

TEST(Spelling, FindsTheNearestCandidate) {
  EXPECT_EQ(nearest("enable_registraton", {"enable_metrics", "enable_registration"}), "enable_registration");
  EXPECT_EQ(nearest("prot", {"path", "port"}), "port");
}

TEST(Spelling, GivesNothingWhenNoCandidateIsNear) {
  EXPECT_EQ(nearest("colour", {"port", "path"}), "");
  EXPECT_EQ(nearest("ab", {"cd"}), "");
  EXPECT_EQ(nearest(std::string(1000, 'x'), {"port"}), "");
}

}  // namespace
}  // namespace lares::config
