// SPDX-License-Identifier: Apache-2.0
// What the first release fixed about the structs of the module ABI. A failure here breaks every module that
// was ever built.
#include <lares/module/draft/spam_checker.h>
#include <lares/module/host.h>
#include <lares/module/module.h>

#include <gtest/gtest.h>

#include <cstddef>

namespace {

TEST(ModuleAbi, KeepsTheLayoutOfItsEnvelope) {
  EXPECT_EQ(sizeof(lares_text_view), 16u);
  EXPECT_EQ(sizeof(lares_bytes_owned), 32u);
  EXPECT_EQ(sizeof(lares_handle), 16u);
  EXPECT_EQ(offsetof(lares_call_view, completion), 8u);
  EXPECT_EQ(offsetof(lares_call_view, timeout_ms), 24u);
  EXPECT_EQ(offsetof(lares_call_view, request_id), 32u);
  EXPECT_EQ(offsetof(lares_error, message), 12u);
  EXPECT_EQ(offsetof(lares_host, host), 8u);
  EXPECT_EQ(offsetof(lares_host, log), 32u);
  EXPECT_EQ(offsetof(lares_host, extension), 56u);
  EXPECT_EQ(offsetof(lares_module_descriptor, struct_size), 8u);
  EXPECT_EQ(offsetof(lares_module_descriptor, abi_major), 12u);
  EXPECT_EQ(offsetof(lares_module_descriptor, flags), 72u);
  EXPECT_EQ(offsetof(lares_module_descriptor, create), 80u);
  EXPECT_EQ(offsetof(lares_module_descriptor, destroy), 120u);
  EXPECT_EQ(LARES_MODULE_DESCRIPTOR_SIZE_1_0, 128u);
  EXPECT_EQ(offsetof(lares_create_view, saved_state_version), 80u);
}

TEST(ModuleAbi, ReadsFieldsBeyondAStructsSizeAsMissing) {
  lares_spam_verdict_view verdict{};
  verdict.struct_size = offsetof(lares_spam_verdict_view, errcode);
  EXPECT_TRUE(LARES_HAS_FIELD(&verdict, lares_spam_verdict_view, decision));
  EXPECT_FALSE(LARES_HAS_FIELD(&verdict, lares_spam_verdict_view, errcode));
}

}  // namespace
