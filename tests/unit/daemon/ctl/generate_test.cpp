// SPDX-License-Identifier: Apache-2.0
#include <config/host_keys.hpp>
#include <config/loader.hpp>
#include <config/signing_key.hpp>
#include <ctl/generate.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace lares::ctl {
namespace {

namespace fs = std::filesystem;

class CountingSource final : public crypto::RandomSource {
 public:
  void fill(std::span<std::uint8_t> out) override {
    std::ranges::generate(out, [this] { return next_++; });
  }

 private:
  std::uint8_t next_ = 0;
};

class Generate : public ::testing::Test {
 protected:
  Generate() {
    std::string name = (fs::temp_directory_path() / "lares-generate-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Generate() override { fs::remove_all(folder_); }

  std::expected<std::vector<fs::path>, std::string> make(GenerateOptions options) {
    options.config_dir = folder_ / "etc";
    options.data_dir = folder_ / "data";
    return generate(options, random_);
  }

  fs::path folder_;
  CountingSource random_;
};

TEST_F(Generate, WritesAConfigurationThatTheDaemonTakes) {
  const auto written = make({.server_name = "example.org", .port = 8123});
  ASSERT_TRUE(written) << written.error();
  EXPECT_EQ(written->size(), 3U);
  config::KeySet keys;
  config::declare_host_keys(keys);
  const auto result = config::load({.paths = {folder_ / "etc/homeserver.yaml"}, .environment = {}}, keys,
                                   config::Scope::DeclaredOnly);
  ASSERT_TRUE(result.config);
  EXPECT_TRUE(result.diagnostics.empty());
  EXPECT_EQ(result.config->string("server_name"), "example.org");
  EXPECT_EQ(result.config->string("data_dir"), (folder_ / "data").string());
  EXPECT_TRUE(config::read_signing_keys(config::signing_key_path(*result.config)));
}

TEST_F(Generate, KeepsSecretsFromOthers) {
  ASSERT_TRUE(make({.server_name = "example.org"}));
  for (const auto* name : {"example.org.signing.key", "example.org.registration_secret"}) {
    EXPECT_EQ(fs::status(folder_ / "etc" / name).permissions(), static_cast<fs::perms>(0600)) << name;
  }
  EXPECT_EQ(fs::status(folder_ / "etc/homeserver.yaml").permissions() & fs::perms::others_all,
            fs::perms::none);
}

TEST_F(Generate, NeverReplacesWhatIsThere) {
  ASSERT_TRUE(make({.server_name = "example.org"}));
  const auto again = make({.server_name = "example.org"});
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().ends_with("homeserver.yaml exists already and is not replaced")) << again.error();
  fs::remove(folder_ / "etc/homeserver.yaml");
  const auto third = make({.server_name = "example.org"});
  ASSERT_TRUE(third) << third.error();
  EXPECT_EQ(third->size(), 1U) << "key and secret are kept";
}

TEST_F(Generate, RefusesANameThatIsNone) {
  const auto refused = make({.server_name = "exam ple"});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().starts_with("server_name: \"exam ple\" is no server name")) << refused.error();
  EXPECT_FALSE(fs::exists(folder_ / "etc"));
  EXPECT_FALSE(make({.server_name = "\"\n#"}));
}

}  // namespace
}  // namespace lares::ctl
