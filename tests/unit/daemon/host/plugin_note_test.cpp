// SPDX-License-Identifier: Apache-2.0
#include <host/plugin_note.hpp>

#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/fingerprint.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

constexpr const char* kProvides[] = {"lares.typing/1", "lares.typing.writer/1", nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1", nullptr};

}  // namespace

// The test program carries a descriptor and a note as a plugin does.
LARES_PLUGIN(.name = "typing", .version = LARES_VERSION, .provides = kProvides, .needs = kNeeds)

namespace lares::host {
namespace {

TEST(PluginNote, OfADescriptorSaysWhatTheDescriptorSays) {
  const auto note = read_note("/proc/self/exe");
  ASSERT_TRUE(note) << note.error();
  EXPECT_EQ(note->tier, "in-tree");
  EXPECT_EQ(note->abi_major, plugin::kAbiMajor);
  EXPECT_EQ(note->fingerprint, build_fingerprint());
  EXPECT_EQ(note->name, "typing");
  EXPECT_EQ(note->version, version());
  EXPECT_EQ(note->provides, (std::vector<std::string>{"lares.typing/1", "lares.typing.writer/1"}));
  EXPECT_EQ(note->needs, std::vector<std::string>{"lares.storage.database/1"});
  EXPECT_TRUE(note->uses.empty());
}

TEST(PluginNote, IgnoresKeysOfLaterReleases) {
  const auto note = parse_note("LARES-PLUGIN 1\nname=x\ncolour=blue\n");
  ASSERT_TRUE(note) << note.error();
  EXPECT_EQ(note->name, "x");
}

TEST(PluginNote, SaysWhatIsWrongWithIt) {
  EXPECT_EQ(parse_note("").error(), "its note is empty");
  EXPECT_EQ(parse_note("PLUGIN\n").error(), "its note begins with \"PLUGIN\"");
  EXPECT_EQ(parse_note("LARES-PLUGIN 1\nabi=1\n").error(), "its note has no name");
  EXPECT_EQ(parse_note("LARES-PLUGIN 1\nabi=one\nname=x\n").error(), "its note names no ABI version");
  EXPECT_EQ(parse_note(std::string("LARES-PLUGIN 1\nname=\x01\n")).error(), "its note is not legible text");
  EXPECT_EQ(parse_note(std::string(20'000, 'x')).error(), "its note is not legible text");
}

TEST(PluginNote, OfAFileThatIsNotThereNamesTheFile) {
  EXPECT_EQ(read_note("/nowhere/x.so").error(), "/nowhere/x.so: cannot be read: No such file or directory.");
}

}  // namespace
}  // namespace lares::host
