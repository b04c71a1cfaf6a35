// SPDX-License-Identifier: Apache-2.0
#include <host/elf_file.hpp>
#include <host/plugin_note.hpp>

#include <lares/plugin/descriptor.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <span>

namespace lares::host {
namespace {

constexpr std::size_t kMaxNoteBytes = 16 * 1024;

// A library on a full disk or a network share may shrink while it is mapped; a copy of what is needed is made
// at once.
class Mapping {
 public:
  explicit Mapping(const std::filesystem::path& file) {
    // Opening a pipe would wait for whoever writes to it.
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
      error_ = std::strerror(errno);
      return;
    }
    struct stat status{};
    if (::fstat(descriptor, &status) != 0) {
      error_ = std::strerror(errno);
    } else if (!S_ISREG(status.st_mode)) {
      error_ = "it is no regular file";
    } else if (status.st_size > 0) {
      void* address =
          ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0);
      if (address == MAP_FAILED) {
        error_ = std::strerror(errno);
      } else {
        bytes_ = {static_cast<const std::byte*>(address), static_cast<std::size_t>(status.st_size)};
      }
    }
    ::close(descriptor);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (!bytes_.empty()) {
      ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
    }
  }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

 private:
  std::span<const std::byte> bytes_;
  std::string error_;
};

bool legible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
}

}  // namespace

std::expected<PluginNote, std::string> parse_note(std::string_view text) {
  while (!text.empty() && text.back() == '\0') {
    text.remove_suffix(1);
  }
  if (text.size() > kMaxNoteBytes || !legible(text)) {
    return std::unexpected("its note is not legible text");
  }
  PluginNote note;
  bool first = true;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (first) {
      if (line != plugin::kNoteMagic) {
        return std::unexpected(fmt::format("its note begins with \"{}\"", line.substr(0, 40)));
      }
      first = false;
      continue;
    }
    const auto equals = line.find('=');
    const auto key = line.substr(0, equals);
    const auto value = equals == std::string_view::npos ? std::string_view{} : line.substr(equals + 1);
    if (key == "tier") {
      note.tier = value;
    } else if (key == "abi") {
      const auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), note.abi_major);
      if (error != std::errc{} || rest != value.data() + value.size()) {
        return std::unexpected("its note names no ABI version");
      }
    } else if (key == "fingerprint") {
      note.fingerprint = value;
    } else if (key == "name") {
      note.name = value;
    } else if (key == "version") {
      note.version = value;
    } else if (key == "provides") {
      note.provides.emplace_back(value);
    } else if (key == "needs") {
      note.needs.emplace_back(value);
    } else if (key == "uses") {
      note.uses.emplace_back(value);
    }
  }
  if (first) {
    return std::unexpected("its note is empty");
  }
  if (note.name.empty()) {
    return std::unexpected("its note has no name");
  }
  return note;
}

std::expected<PluginNote, std::string> read_note(const std::filesystem::path& file) {
  const Mapping mapping(file);
  if (!mapping.error().empty()) {
    return std::unexpected(fmt::format("{}: cannot be read: {}.", file.string(), mapping.error()));
  }
  const auto section = elf_section(mapping.bytes(), plugin::kNoteSection);
  if (!section) {
    return std::unexpected(fmt::format("{}: is {}. Remove it, or install the package it came from again.",
                                       file.string(), section.error()));
  }
  if (section->empty()) {
    return std::unexpected(
        fmt::format("{}: is a shared library without a Lares plugin descriptor. Only plugins may lie in this "
                    "folder; move it elsewhere.",
                    file.string()));
  }
  auto note = parse_note({reinterpret_cast<const char*>(section->data()), section->size()});
  if (!note) {
    return std::unexpected(fmt::format("{}: is damaged: {}. Install the package it came from again.",
                                       file.string(), note.error()));
  }
  return note;
}

}  // namespace lares::host
