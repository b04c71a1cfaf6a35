// SPDX-License-Identifier: Apache-2.0
#include <host/elf_file.hpp>

#include <elf.h>

#include <cstring>
#include <optional>

namespace lares::host {
namespace {

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr Elf64_Half kMachine = EM_RISCV;
#else
#error "Name this machine's ELF type here."
#endif

using Bytes = std::span<const std::byte>;

std::optional<Bytes> part(Bytes file, std::uint64_t offset, std::uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) {
    return std::nullopt;
  }
  return file.subspan(offset, size);
}

// The bytes may lie at any address, so structs are copied out.
template <class T>
std::optional<T> read(Bytes file, std::uint64_t offset) {
  const auto bytes = part(file, offset, sizeof(T));
  if (!bytes) {
    return std::nullopt;
  }
  T value;
  std::memcpy(&value, bytes->data(), sizeof(T));
  return value;
}

std::string_view text_at(Bytes table, std::uint64_t offset) {
  if (offset >= table.size()) {
    return {};
  }
  const auto* begin = reinterpret_cast<const char*>(table.data()) + offset;
  return {begin, strnlen(begin, table.size() - offset)};
}

}  // namespace

std::expected<std::span<const std::byte>, std::string> elf_section(Bytes file, std::string_view name) {
  const auto cut_short = std::unexpected<std::string>("an ELF file that was cut short");
  if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) {
    return std::unexpected("no ELF file");
  }
  const auto header = read<Elf64_Ehdr>(file, 0);
  if (!header) {
    return cut_short;
  }
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
      header->e_machine != kMachine) {
    return std::unexpected("an ELF file for another kind of machine");
  }
  if (header->e_type != ET_DYN) {
    return std::unexpected("an ELF file but no shared object");
  }
  if (header->e_shentsize != sizeof(Elf64_Shdr)) {
    return cut_short;
  }
  const auto section = [&](std::uint64_t index) -> std::optional<Elf64_Shdr> {
    if (index >= header->e_shnum || header->e_shoff > file.size()) {
      return std::nullopt;
    }
    return read<Elf64_Shdr>(file, header->e_shoff + index * sizeof(Elf64_Shdr));
  };
  const auto names_header = section(header->e_shstrndx);
  if (!names_header) {
    return cut_short;
  }
  const auto names = part(file, names_header->sh_offset, names_header->sh_size);
  if (!names) {
    return cut_short;
  }
  for (std::uint64_t index = 0; index < header->e_shnum; ++index) {
    const auto candidate = section(index);
    if (!candidate) {
      return cut_short;
    }
    if (candidate->sh_type == SHT_PROGBITS && text_at(*names, candidate->sh_name) == name) {
      const auto content = part(file, candidate->sh_offset, candidate->sh_size);
      if (!content) {
        return cut_short;
      }
      return *content;
    }
  }
  return Bytes{};
}

}  // namespace lares::host
