// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace lares::host {

/// Finds a section by its name in the bytes of a 64-bit little-endian ELF shared object of this machine's
/// kind. Reads the headers alone and trusts no number in them.
/// **Errors**: what the bytes are instead, to follow "is ": "no ELF file", "cut short".
/// **Lifetime**: the result is a part of `file`; empty if there is no such section.
[[nodiscard]] std::expected<std::span<const std::byte>, std::string> elf_section(
    std::span<const std::byte> file, std::string_view name);

}  // namespace lares::host
