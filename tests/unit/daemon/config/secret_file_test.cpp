// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <config/secret_file.hpp>
#include <config/signing_key.hpp>

#include <lares/crypto/random_source.hpp>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <iterator>

#include <sys/resource.h>

namespace lares::config {
namespace {

using SecretFile = ConfigTest;
using SigningKeyFile = ConfigTest;

class CountingSource final : public crypto::RandomSource {
 public:
  void fill(std::span<std::uint8_t> out) override {
    std::ranges::generate(out, [this] { return next_++; });
  }

 private:
  std::uint8_t next_ = 0;
};

TEST_F(SecretFile, IsWrittenForItsOwnerAloneAndNeverReplaced) {
  const auto path = folder_ / "secret";
  ASSERT_TRUE(write_secret_file(path, "content"));
  EXPECT_EQ(std::filesystem::status(path).permissions(), static_cast<std::filesystem::perms>(0600));
  EXPECT_EQ(read_secret_file(path), "content");
  EXPECT_FALSE(write_secret_file(path, "other"));
  EXPECT_EQ(read_secret_file(path), "content");
}

TEST_F(SecretFile, IsThereWholeOrNotAtAll) {
  rlimit former{};
  ::getrlimit(RLIMIT_FSIZE, &former);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 4, .rlim_max = former.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto written = write_secret_file(folder_ / "secret", "content");
  ::setrlimit(RLIMIT_FSIZE, &former);
  EXPECT_FALSE(written);
  EXPECT_TRUE(std::filesystem::is_empty(folder_)) << "a part of it would be taken for the secret";
}

TEST_F(SecretFile, LeavesNothingBesideIt) {
  const auto path = folder_ / "secret";
  EXPECT_TRUE(write_secret_file(path, "content"));
  EXPECT_FALSE(write_secret_file(path, "other"));
  const std::filesystem::directory_iterator files(folder_);
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST_F(SecretFile, IsRefusedWhenOthersCanReadOrWriteIt) {
  const auto path = write("secret", "content");
  for (const unsigned mode : {0604U, 0602U, 0644U, 0666U}) {
    set_mode(path, mode);
    EXPECT_FALSE(read_secret_file(path)) << mode;
  }
  for (const unsigned mode : {0600U, 0400U, 0640U, 0660U}) {
    set_mode(path, mode);
    EXPECT_TRUE(read_secret_file(path)) << mode;
  }
}

TEST_F(SecretFile, IsRefusedWhenItIsNoFileOrTooLarge) {
  EXPECT_FALSE(read_secret_file(folder_));
  EXPECT_FALSE(read_secret_file("/dev/null"));
  EXPECT_FALSE(read_secret_file(folder_ / "none"));
  EXPECT_FALSE(read_secret_file(write("large", std::string(100, 'x')), 99));
}

TEST_F(SigningKeyFile, IsReadAsItWasWritten) {
  CountingSource random;
  const auto path = folder_ / "signing.key";
  const auto made = generate_signing_key(path, random);
  ASSERT_TRUE(made) << made.error();
  const auto read = read_signing_keys(path);
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->size(), 1U);
  EXPECT_EQ(read->front().id(), made->id());
  EXPECT_TRUE(made->id().starts_with("ed25519:a_"));
  EXPECT_EQ(read->front().public_key(), made->public_key());
  EXPECT_FALSE(generate_signing_key(path, random)) << "an existing key is never replaced";
}

TEST_F(SigningKeyFile, MayHoldSeveralKeysAndEmptyLines) {
  const auto path = write("signing.key",
                          "ed25519 a_one AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n"
                          "ed25519 two  BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n");
  const auto read = read_signing_keys(path);
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[1].id(), "ed25519:two");
}

TEST_F(SigningKeyFile, IsRefusedWithFileAndLineWhenItIsNoKey) {
  for (const auto* text : {"ed25519 a_one short\n", "rsa a AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
                           "ed25519\n", "ed25519 a:b AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
                           "ed25519 a AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA more\n"}) {
    const auto read = read_signing_keys(write("signing.key", text));
    ASSERT_FALSE(read) << text;
    EXPECT_TRUE(without_folder(read.error()).starts_with("signing.key:1: expected \"ed25519 NAME SEED\""))
        << read.error();
  }
  EXPECT_FALSE(read_signing_keys(write("signing.key", "")));
}

}  // namespace
}  // namespace lares::config
