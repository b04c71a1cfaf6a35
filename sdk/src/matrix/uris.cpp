// SPDX-License-Identifier: Apache-2.0
#include <lares/json/scanner.hpp>
#include <lares/matrix/identifiers.hpp>
#include <lares/matrix/uris.hpp>

#include <algorithm>

namespace lares::matrix {

namespace {

constexpr std::string_view kMxc = "mxc://";
constexpr std::string_view kScheme = "matrix:";
constexpr std::string_view kMatrixTo = "https://matrix.to/#/";
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

bool alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int hex(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Nothing for a `%` without two digits, and for what is no UTF-8.
std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return json::valid_utf8_prefix(out) == out.size() ? std::optional{std::move(out)} : std::nullopt;
}

// Keeps what RFC 3986 lets stand in a segment of a path and clients have never encoded.
void append_encoded(std::string& out, std::string_view text, std::string_view kept) {
  for (const char c : text) {
    if (alphanumeric(c) || std::string_view{"-._~"}.find(c) != std::string_view::npos ||
        kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kHexDigits[static_cast<unsigned char>(c) >> 4U];
      out += kHexDigits[static_cast<unsigned char>(c) & 15U];
    }
  }
}

bool is_named(std::string_view identifier) {
  return !identifier.empty() && ((identifier.front() == '@' && UserId::valid(identifier)) ||
                                 (identifier.front() == '!' && RoomId::valid(identifier)) ||
                                 (identifier.front() == '#' && RoomAlias::valid(identifier)));
}

bool read_query(std::string_view query, MatrixUri& uri) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view item = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    const std::size_t equals = item.find('=');
    const std::string_view name = item.substr(0, equals);
    const auto value =
        decode(equals == std::string_view::npos ? std::string_view{} : item.substr(equals + 1));
    if (!value) {
      return false;
    }
    if (name == "via" && ServerName::valid(*value) && uri.via.size() < MatrixUri::kMaxVia &&
        std::ranges::find(uri.via, *value) == uri.via.end()) {
      uri.via.push_back(*value);
    } else if (name == "action") {
      const bool user = uri.identifier.front() == '@';
      uri.action = *value == "join" && !user  ? MatrixUriAction::kJoin
                   : *value == "chat" && user ? MatrixUriAction::kChat
                                              : uri.action;
    }
  }
  return true;
}

char sigil_of(std::string_view type) noexcept {
  if (type == "u" || type == "user") {
    return '@';
  }
  if (type == "r" || type == "room") {
    return '#';
  }
  return type == "roomid" ? '!' : '\0';
}

std::string_view cut(std::string_view& text, char at) {
  const std::size_t found = text.find(at);
  const std::string_view head = text.substr(0, found);
  text = found == std::string_view::npos ? std::string_view{} : text.substr(found + 1);
  return head;
}

std::optional<MatrixUri> parse_scheme(std::string_view rest) {
  std::string_view path = rest.substr(0, rest.find('#'));
  const std::size_t mark = path.find('?');
  const std::string_view query = mark == std::string_view::npos ? std::string_view{} : path.substr(mark + 1);
  path = path.substr(0, mark);
  if (path.starts_with("//")) {
    path.remove_prefix(2);
    cut(path, '/');
  }
  const char sigil = sigil_of(cut(path, '/'));
  const auto id = decode(cut(path, '/'));
  if (sigil == '\0' || !id) {
    return std::nullopt;
  }
  MatrixUri uri;
  uri.identifier = sigil + *id;
  if (!is_named(uri.identifier)) {
    return std::nullopt;
  }
  if (!path.empty()) {
    const std::string_view type = cut(path, '/');
    // What follows is the event's id with all its slashes: those of room version 3 have some.
    const auto event = decode(path);
    if (sigil == '@' || (type != "e" && type != "event") || !event || !EventId::valid("$" + *event)) {
      return std::nullopt;
    }
    uri.event_id = "$" + *event;
  }
  if (!read_query(query, uri)) {
    return std::nullopt;
  }
  return uri;
}

std::optional<MatrixUri> parse_matrix_to(std::string_view rest) {
  const std::size_t mark = rest.find('?');
  const std::string_view query = mark == std::string_view::npos ? std::string_view{} : rest.substr(mark + 1);
  std::string_view path = rest.substr(0, mark);
  const auto id = decode(cut(path, '/'));
  if (!id || !is_named(*id)) {
    return std::nullopt;
  }
  MatrixUri uri;
  uri.identifier = *id;
  if (!path.empty()) {
    auto event = decode(path);
    if (!event || uri.identifier.front() == '@' || !EventId::valid(*event)) {
      return std::nullopt;
    }
    uri.event_id = std::move(*event);
  }
  if (!read_query(query, uri)) {
    return std::nullopt;
  }
  uri.action = MatrixUriAction::kNone;
  return uri;
}

void append_via(std::string& out, const std::vector<std::string>& via) {
  for (const std::string& server : via) {
    out += out.find('?') == std::string::npos ? "?via=" : "&via=";
    append_encoded(out, server, ":[]");
  }
}

}  // namespace

bool MxcUri::valid_media_id(std::string_view media_id) noexcept {
  return !media_id.empty() && media_id.size() <= kMaxIdentifierBytes &&
         std::ranges::all_of(media_id, [](char c) { return alphanumeric(c) || c == '-' || c == '_'; });
}

std::optional<MxcUri> MxcUri::parse(std::string_view text) {
  if (!text.starts_with(kMxc)) {
    return std::nullopt;
  }
  text.remove_prefix(kMxc.size());
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || !ServerName::valid(text.substr(0, slash)) ||
      !valid_media_id(text.substr(slash + 1))) {
    return std::nullopt;
  }
  return MxcUri{.server = std::string{text.substr(0, slash)},
                .media_id = std::string{text.substr(slash + 1)}};
}

std::string MxcUri::text() const {
  return std::string{kMxc} + server + "/" + media_id;
}

std::optional<MatrixUri> MatrixUri::parse(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return std::nullopt;
  }
  if (text.starts_with(kMatrixTo)) {
    return parse_matrix_to(text.substr(kMatrixTo.size()));
  }
  if (text.starts_with(kScheme)) {
    return parse_scheme(text.substr(kScheme.size()));
  }
  return std::nullopt;
}

std::string MatrixUri::scheme_text() const {
  std::string out{kScheme};
  out += identifier.front() == '@' ? "u/" : identifier.front() == '#' ? "r/" : "roomid/";
  append_encoded(out, std::string_view{identifier}.substr(1), ":[]");
  if (event_id) {
    out += "/e/";
    append_encoded(out, std::string_view{*event_id}.substr(1), ":[]");
  }
  if (action != MatrixUriAction::kNone) {
    out += action == MatrixUriAction::kJoin ? "?action=join" : "?action=chat";
  }
  append_via(out, via);
  return out;
}

std::string MatrixUri::matrix_to_text() const {
  std::string out{kMatrixTo};
  append_encoded(out, identifier, "");
  if (event_id) {
    out += '/';
    append_encoded(out, *event_id, "");
  }
  append_via(out, via);
  return out;
}

}  // namespace lares::matrix
