// SPDX-License-Identifier: Apache-2.0
#include <host/elf_file.hpp>

#include <gtest/gtest.h>

#include <elf.h>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace lares::host {
namespace {

// A section of the test program itself; it is position independent, so it counts as a shared object. The
// address sanitizer would put a red zone behind it.
__attribute__((section(".lares.test"), used, no_sanitize("address"))) const char kSection[] = "found";

std::vector<std::byte> own_file() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

TEST(ElfFile, FindsASectionByItsName) {
  const auto file = own_file();
  const auto section = elf_section(file, ".lares.test");
  ASSERT_TRUE(section) << section.error();
  ASSERT_EQ(section->size(), sizeof(kSection));
  EXPECT_EQ(std::memcmp(section->data(), kSection, sizeof(kSection)), 0);
}

TEST(ElfFile, GivesNothingForASectionThatIsNotThere) {
  const auto file = own_file();
  const auto section = elf_section(file, ".lares.none");
  ASSERT_TRUE(section);
  EXPECT_TRUE(section->empty());
}

TEST(ElfFile, SaysWhatAFileIsInstead) {
  EXPECT_EQ(elf_section({}, ".x").error(), "no ELF file");
  auto file = own_file();
  const std::span<const std::byte> start{file.data(), 40};
  EXPECT_EQ(elf_section(start, ".x").error(), "an ELF file that was cut short");
  file[EI_CLASS] = std::byte{ELFCLASS32};
  EXPECT_EQ(elf_section(file, ".x").error(), "an ELF file for another kind of machine");
  file[EI_CLASS] = std::byte{ELFCLASS64};
  file[offsetof(Elf64_Ehdr, e_type)] = std::byte{ET_REL};
  EXPECT_EQ(elf_section(file, ".x").error(), "an ELF file but no shared object");
}

TEST(ElfFile, StaysInsideOfDamagedFiles) {
  const auto whole = own_file();
  // Only the header and the section headers are read, so damage goes there.
  Elf64_Ehdr header;
  std::memcpy(&header, whole.data(), sizeof(header));
  const std::size_t table = header.e_shoff;
  const std::size_t table_size = std::size_t{header.e_shnum} * sizeof(Elf64_Shdr);
  std::mt19937 random(1);
  auto file = whole;
  for (int round = 0; round < 20'000; ++round) {
    const std::size_t place = round % 2 == 0 ? random() % sizeof(Elf64_Ehdr) : table + random() % table_size;
    const auto before = file[place];
    file[place] = static_cast<std::byte>(random());
    if (const auto section = elf_section(file, ".lares.test"); section && !section->empty()) {
      EXPECT_GE(section->data(), file.data());
      EXPECT_LE(section->data() + section->size(), file.data() + file.size());
    }
    file[place] = before;
  }
  for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 100) {
    // A copy of its own, so that the address sanitizer sees every byte beyond the end.
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    static_cast<void>(elf_section(part, ".lares.test"));
  }
}

}  // namespace
}  // namespace lares::host
