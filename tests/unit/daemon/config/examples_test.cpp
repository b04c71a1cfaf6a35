// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <config/host_keys.hpp>

namespace lares::config {
namespace {

/// The files of etc/, with paths of secrets that this machine does not have given by other means.
class Examples : public ConfigTest {
 protected:
  Examples() { declare_host_keys(keys_); }

  LoadResult load_examples(const std::vector<std::string>& names) {
    const auto etc = std::filesystem::path(LARES_TEST_DATA) / "../../../../etc";
    std::vector<std::filesystem::path> paths;
    for (const auto& name : names) {
      paths.push_back(etc / name);
    }
    return load({.paths = paths,
                 .environment = {{"LARES_REDIS__PASSWORD", "x"}, {"LARES_WORKER_REPLICATION_SECRET", "x"}}},
                keys_, Scope::DeclaredOnly);
  }
};

TEST_F(Examples, OfOneProcessAreRight) {
  const auto result = load_examples({"homeserver.example.yaml"});
  EXPECT_TRUE(result.config);
  EXPECT_EQ(said(result), "");
}

TEST_F(Examples, OfWorkersAreRight) {
  const auto result = load_examples(
      {"homeserver.example.yaml", "workers/shared.example.yaml", "workers/generic_worker.example.yaml"});
  ASSERT_TRUE(result.config) << said(result);
  EXPECT_EQ(said(result), "");
  EXPECT_EQ(result.config->string("worker_name"), "persister1");
}

}  // namespace
}  // namespace lares::config
