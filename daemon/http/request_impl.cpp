// SPDX-License-Identifier: Apache-2.0
#include <http/compression.hpp>
#include <http/request_impl.hpp>

#include <lares/base/strings.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/json/scanner.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace lares::http {

namespace {

constexpr std::size_t kKeptHead = 4096;
constexpr std::size_t kKeptBody = 4096;

/// Calls `found(value)` for each `name=value` of a query string until it returns false. Names are compared
/// decoded.
template <class Found>
void each_parameter(std::string_view query, std::string_view name, Found found) {
  std::string decoded;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view key = pair.substr(0, equals);
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    if (key != name) {
      if (key.find_first_of("%+") == std::string_view::npos) {
        continue;
      }
      percent_decode(key, true, decoded);
      if (decoded != name) {
        continue;
      }
    }
    if (!found(value)) {
      return;
    }
  }
}

/// Nothing that a path or a query names is written in anything but UTF-8, and every answer that repeats the
/// value has to be.
void check_utf8(std::string_view name, std::string_view value) {
  if (json::valid_utf8_prefix(value) != value.size()) {
    throw invalid_param(fmt::format("The value of '{}' is not UTF-8.", name));
  }
}

}  // namespace

const std::string& RequestImpl::param(std::string_view name) const {
  for (std::size_t at = 0; at < match_.names.size(); ++at) {
    if (match_.names[at] == name) {
      check_utf8(name, params_[at]);
      return params_[at];
    }
  }
  throw std::logic_error(fmt::format("The route has no path parameter '{}'.", name));
}

std::string_view RequestImpl::query_string() const noexcept {
  const std::size_t mark = target().find('?');
  return mark == std::string_view::npos ? std::string_view() : target().substr(mark + 1);
}

std::optional<std::string> RequestImpl::query(std::string_view name) const {
  std::optional<std::string> result;
  each_parameter(query_string(), name, [&result, name](std::string_view value) {
    percent_decode(value, true, result.emplace());
    check_utf8(name, *result);
    return false;
  });
  return result;
}

std::vector<std::string> RequestImpl::query_all(std::string_view name) const {
  std::vector<std::string> result;
  each_parameter(query_string(), name, [&result, name](std::string_view value) {
    percent_decode(value, true, result.emplace_back());
    check_utf8(name, result.back());
    return true;
  });
  return result;
}

std::string_view RequestImpl::header(std::string_view name) const noexcept {
  for (const HeaderField& field : fields_) {
    if (field.name.size == name.size() && equals_ignore_case(view(field.name), name)) {
      return view(field.value);
    }
  }
  return {};
}

std::string_view RequestImpl::header(Field known) const noexcept {
  for (const HeaderField& field : fields_) {
    if (field.known == known) {
      return view(field.value);
    }
  }
  return {};
}

std::size_t RequestImpl::count(Field known) const noexcept {
  return static_cast<std::size_t>(std::count_if(
      fields_.begin(), fields_.end(), [known](const HeaderField& field) { return field.known == known; }));
}

void RequestImpl::set_tag(std::string_view tag) noexcept {
  // Kept as the route's own text: the caller's may be gone before the metrics are written.
  if (match_.route != nullptr) {
    const auto& tags = match_.route->options.tags;
    const auto at = std::find(tags.begin(), tags.end(), tag);
    if (at != tags.end()) {
      tag_ = *at;
    }
  }
}

void RequestImpl::check_json() {
  json_used_ = true;
  static_cast<void>(json_view());
}

void RequestImpl::route(const Match& match) {
  match_ = match;
  for (std::size_t at = 0; at < match.names.size(); ++at) {
    percent_decode(match.values[at], false, params_[at]);
  }
}

void RequestImpl::unpack_body() {
  const std::string_view coding = header(Field::content_encoding);
  if (std::exchange(unpacked_, true) || coding.empty() || body_.empty() ||
      equals_ignore_case(coding, "identity")) {
    return;
  }
  if (!equals_ignore_case(coding, "gzip") && !equals_ignore_case(coding, "deflate")) {
    throw MatrixError(415, "M_UNKNOWN", "The body's Content-Encoding is not supported.");
  }
  bool too_large = false;
  std::optional<std::string> plain = gunzip(body_, body_limit_, too_large);
  if (too_large) {
    throw MatrixError(413, "M_TOO_LARGE", "The request's body is too large once it is unpacked.");
  }
  if (!plain) {
    throw MatrixError(400, "M_UNKNOWN", "The body's compression is damaged.");
  }
  body_ = std::move(*plain);
}

void RequestImpl::clear() noexcept {
  reset_json();
  head_.clear();
  body_.clear();
  if (head_.capacity() > kKeptHead) {
    head_.shrink_to_fit();
  }
  if (body_.capacity() > kKeptBody) {
    body_.shrink_to_fit();
  }
  fields_.clear();
  match_ = {};
  tag_ = {};
  method_text_ = {};
  target_ = {};
  head_only_ = options_ = unknown_method_ = shielded_ = cancelled_ = unpacked_ = json_used_ = false;
}

}  // namespace lares::http
