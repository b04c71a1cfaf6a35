// SPDX-License-Identifier: Apache-2.0
#include <http/compression.hpp>

#include <lares/base/strings.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

#include <zlib.h>

namespace lares::http {

namespace {

constexpr int kGzipWindow = 15 + 16;
constexpr int kAnyWindow = 15 + 32;
/// Level 1: a response is compressed once and read once, and a homeserver has more bandwidth than processors.
constexpr int kLevel = 1;

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) noexcept {
  bool anything = false;  // what `*` says, which counts where gzip is not named
  while (!accept_encoding.empty()) {
    const std::size_t end = std::min(accept_encoding.find(','), accept_encoding.size());
    std::string_view item = accept_encoding.substr(0, end);
    accept_encoding.remove_prefix(std::min(end + 1, accept_encoding.size()));
    const std::size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view coding = trim(item.substr(0, semicolon));
    const bool named = equals_ignore_case(coding, "gzip");
    if (named || coding == "*") {
      const std::string_view weight = trim(item.substr(std::min(semicolon + 1, item.size())));
      const bool wanted = (!weight.starts_with("q=") && !weight.starts_with("Q=")) ||
                          weight.substr(2).find_first_of("123456789") != std::string_view::npos;
      if (named) {
        return wanted;
      }
      anything = wanted;
    }
  }
  return anything;
}

bool compressible(std::string_view content_type) noexcept {
  return content_type.starts_with("application/json") || content_type.starts_with("text/");
}

std::string gzip(std::string_view data) {
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string out;
  std::array<char, 32768> block;
  int result = Z_OK;
  do {
    // zlib counts in 32 bits.
    const auto piece = static_cast<uInt>(std::min<std::size_t>(data.size(), 1U << 30U));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream.avail_in = piece;
    data.remove_prefix(piece);
    do {
      stream.next_out = reinterpret_cast<Bytef*>(block.data());
      stream.avail_out = block.size();
      result = deflate(&stream, data.empty() ? Z_FINISH : Z_NO_FLUSH);
      out.append(block.data(), block.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  } while (result != Z_STREAM_END);
  deflateEnd(&stream);
  return out;
}

std::optional<std::string> gunzip(std::string_view data, std::uint64_t limit, bool& too_large) {
  too_large = false;
  if (data.size() > std::numeric_limits<uInt>::max()) {
    too_large = true;
    return std::nullopt;
  }
  z_stream stream{};
  if (inflateInit2(&stream, kAnyWindow) != Z_OK) {
    throw std::bad_alloc();
  }
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  std::string out;
  std::array<char, 32768> block;
  int result = Z_OK;
  while (result == Z_OK && !too_large) {
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = block.size();
    result = inflate(&stream, Z_NO_FLUSH);
    const std::size_t count = block.size() - stream.avail_out;
    if (count > limit || out.size() > limit - count) {
      too_large = true;
    } else {
      out.append(block.data(), count);
    }
  }
  const bool whole = result == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (!whole || too_large) {
    return std::nullopt;
  }
  return out;
}

}  // namespace lares::http
