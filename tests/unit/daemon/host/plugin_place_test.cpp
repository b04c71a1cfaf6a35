// SPDX-License-Identifier: Apache-2.0
#include <host/plugin_library.hpp>

#include <lares/base/error.hpp>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace lares::host {
namespace {

namespace fs = std::filesystem;

class PluginPlace : public testing::Test {
 protected:
  PluginPlace() {
    std::string name = "/tmp/lares-place-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    fs::create_directory(folder_ / "plugins");
    fs::create_directory(folder_ / "elsewhere");
  }
  ~PluginPlace() override { fs::remove_all(folder_); }

  fs::path file(const std::string& name) {
    const auto path = folder_ / name;
    std::ofstream(path) << "x";
    ::chmod(path.c_str(), 0644);
    return path;
  }
  std::string refusal(const fs::path& path) {
    try {
      check_place(path, {folder_ / "plugins"});
    } catch (const StartError& error) {
      EXPECT_EQ(error.exit_code(), kExitConfig);
      return error.what();
    }
    return "accepted";
  }

  fs::path folder_;
};

TEST_F(PluginPlace, OfAFileInAConfiguredFolderIsRight) {
  EXPECT_EQ(refusal(file("plugins/a.so")), "accepted");
}

TEST_F(PluginPlace, MustBeAFullPath) {
  EXPECT_EQ(refusal("plugins/a.so"),
            "plugins/a.so: it is a relative path, which would mean another file in another folder. Name it "
            "by its full path.");
}

TEST_F(PluginPlace, MustBeInsideOfTheFoldersAfterLinksAreFollowed) {
  const auto outside = file("elsewhere/a.so");
  EXPECT_NE(refusal(outside).find("it is outside the configured folders"), std::string::npos);
  const auto link = folder_ / "plugins/a.so";
  fs::create_symlink(outside, link);
  EXPECT_NE(refusal(link).find("outside the configured folders"), std::string::npos);
  EXPECT_NE(refusal(folder_ / "plugins/../elsewhere/a.so").find("outside the configured folders"),
            std::string::npos);
  fs::create_directory(folder_ / "plugins-of-another");
  EXPECT_NE(refusal(file("plugins-of-another/a.so")).find("outside the configured folders"),
            std::string::npos);
}

TEST_F(PluginPlace, MustNotBeWritableByEveryone) {
  const auto path = file("plugins/a.so");
  ::chmod(path.c_str(), 0666);
  EXPECT_EQ(refusal(path),
            path.string() + ": anyone on this machine can write to it. Run: chmod o-w " + path.string());
}

TEST_F(PluginPlace, MustNotBeInAFolderThatEveryoneCanWrite) {
  const auto path = file("plugins/a.so");
  ::chmod((folder_ / "plugins").c_str(), 0777);
  EXPECT_NE(refusal(path).find("anyone on this machine can put another file in its place"),
            std::string::npos);
}

TEST_F(PluginPlace, MustBelongToRootOrThisUser) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give a file away";
  }
  const auto path = file("plugins/a.so");
  ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
  EXPECT_NE(refusal(path).find("it belongs to another user"), std::string::npos);
}

TEST_F(PluginPlace, MustExist) {
  EXPECT_NE(refusal(folder_ / "plugins/none.so").find("it cannot be opened: No such file"),
            std::string::npos);
}

}  // namespace
}  // namespace lares::host
