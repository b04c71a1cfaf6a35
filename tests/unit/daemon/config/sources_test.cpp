// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <sys/stat.h>

namespace lares::config {
namespace {

class SourcesTest : public ConfigTest {
 protected:
  SourcesTest() {
    declare({.path = "name", .default_value = "none"});
    declare({.path = "a.x", .default_value = "none"});
    declare({.path = "a.y", .default_value = "none"});
  }
  LoadResult load_paths(std::vector<std::filesystem::path> paths) {
    return load({.paths = std::move(paths), .environment = {}}, keys_);
  }
};

TEST_F(SourcesTest, ReplacesWholeTopLevelKeysByThoseOfLaterFiles) {
  const auto first = write("1.yaml", "name: first\na: {x: 1, y: 2}\n");
  const auto second = write("2.yaml", "a:\n  x: 3\n");
  const auto result = load_paths({first, second});
  ASSERT_TRUE(result.config) << said(result);
  EXPECT_EQ(result.config->string("name"), "first");
  EXPECT_EQ(result.config->string("a.x"), "3");
  EXPECT_EQ(result.config->string("a.y"), "none");
  EXPECT_EQ(without_folder(result.config->origin("a.x")), "2.yaml:2");
}

TEST_F(SourcesTest, ReadsTheYamlFilesOfAFolderInTheOrderOfTheirNames) {
  write("conf.d/20.yaml", "name: twenty\n");
  write("conf.d/10.yaml", "name: ten\na: {x: ten}\n");
  write("conf.d/30.yml", "name: thirty\n");
  write("conf.d/README", "name: readme\n");
  const auto result = load_paths({folder_ / "conf.d"});
  ASSERT_TRUE(result.config) << said(result);
  EXPECT_EQ(result.config->string("name"), "twenty");
  EXPECT_EQ(result.config->string("a.x"), "ten");
  EXPECT_EQ(said(result),
            "conf.d/30.yml: warning: is not read: of a folder, only files whose names end in .yaml are\n");
}

TEST_F(SourcesTest, TakesEmptyFiles) {
  EXPECT_TRUE(load_paths({write("1.yaml", ""), write("2.yaml", "# nothing\n")}).config);
}

TEST_F(SourcesTest, NamesEveryFileThatCannotBeRead) {
  declare({.path = "needed", .default_value = ""});
  const auto broken = write("broken.yaml", "a: [\n");
  const auto list = write("list.yaml", "- a\n");
  const auto unknown = write("unknown.yaml", "nam: 1\n");
  const auto result = load_paths({folder_ / "none.yaml", broken, list, unknown});
  EXPECT_FALSE(result.config);
  const auto text = said(result);
  EXPECT_NE(text.find("none.yaml: error: there is no such file or folder\n"), std::string::npos) << text;
  EXPECT_NE(text.find("broken.yaml:2: error: not valid YAML"), std::string::npos) << text;
  EXPECT_NE(text.find("list.yaml: error: holds no mapping (\"key: value\")\n"), std::string::npos) << text;
  EXPECT_NE(text.find("unknown.yaml:1: error: nam: unknown key; did you mean name?\n"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("needed"), std::string::npos) << "what a file may have said is not missed";
}

TEST_F(SourcesTest, DoesNotWaitForANamedPipe) {
  const auto pipe = folder_ / "pipe.yaml";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(said(load_paths({pipe})), "pipe.yaml: error: is no file\n");
}

TEST_F(SourcesTest, RefusesAFileThatIsTooLarge) {
  const auto large = write("large.yaml", "name: " + std::string(5 << 20, 'x') + "\n");
  EXPECT_EQ(said(load_paths({large})), "large.yaml: error: larger than 4194304 bytes\n");
}

}  // namespace
}  // namespace lares::config
