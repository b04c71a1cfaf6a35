// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <http/router_impl.hpp>
#include <http/settings.hpp>

#include <lares/http/request.hpp>

#include <boost/beast/http/field.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::http {

class Connection;

/// The request of a connection, filled by its parser; one object serves all requests of the connection in
/// turn and keeps its allocations. Everything but the body is a range of the header's bytes.
class RequestImpl final : public Request {
 public:
  using Field = boost::beast::http::field;

  struct Range {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };
  struct HeaderField {
    Field known;  ///< Field::unknown for names that HTTP libraries do not know
    Range name;
    Range value;
  };

  [[nodiscard]] Method method() const noexcept override { return method_; }
  [[nodiscard]] std::string_view target() const noexcept override { return view(target_); }
  [[nodiscard]] const std::string& param(std::string_view name) const override;
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const override;
  [[nodiscard]] std::vector<std::string> query_all(std::string_view name) const override;
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept override;
  [[nodiscard]] std::string_view body() const noexcept override { return body_; }
  [[nodiscard]] std::string_view client_ip() const noexcept override { return client_ip_; }
  [[nodiscard]] std::string_view user_agent() const noexcept override { return header(Field::user_agent); }
  [[nodiscard]] std::int64_t received_ts() const noexcept override { return received_ts_; }
  void shield_from_cancellation() noexcept override { shielded_ = true; }
  void set_tag(std::string_view tag) noexcept override;

  /// The first header of this kind; empty if there is none.
  [[nodiscard]] std::string_view header(Field field) const noexcept;
  [[nodiscard]] std::size_t count(Field field) const noexcept;
  [[nodiscard]] std::string_view view(Range range) const noexcept {
    return std::string_view(head_).substr(range.offset, range.size);
  }
  /// The target without its query.
  [[nodiscard]] std::string_view path() const noexcept { return target().substr(0, target().find('?')); }
  [[nodiscard]] std::string_view query_string() const noexcept;
  /// The method as received, which may be HEAD, OPTIONS or one that we do not know.
  [[nodiscard]] std::string_view method_text() const noexcept { return view(method_text_); }
  [[nodiscard]] std::string_view protocol() const noexcept {
    return version_ == 11 ? "HTTP/1.1" : "HTTP/1.0";
  }
  [[nodiscard]] const Match& match() const noexcept { return match_; }
  [[nodiscard]] std::string_view tag() const noexcept { return tag_; }
  [[nodiscard]] bool shielded() const noexcept { return shielded_; }
  /// The client has gone and the work was told to end.
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] bool has_parsed_body() const noexcept { return json_used_; }

  /// Unpacks a body that came with a Content-Encoding, within the route's limit; not twice. Costs the loop as
  /// much as the limit allows, so the gate calls it once it knows who asks.
  /// **Errors**: MatrixError 400, 413 or 415.
  void unpack_body();
  /// Refuses a body that is no JSON object. **Errors**: as Request::json().
  void check_json();

 private:
  friend class Connection;
  friend class RequestParser;

  /// Ready for the next request. Gives back what only a large one needed.
  void clear() noexcept;
  void route(const Match& match);

  std::string head_;  ///< request line and header fields
  std::string body_;
  std::vector<HeaderField> fields_;
  std::array<std::string, kMaxParams> params_;
  Match match_;
  std::string client_ip_;
  std::string_view tag_;
  Range method_text_;
  Range target_;
  std::int64_t received_ts_ = 0;
  std::uint64_t body_limit_ = 0;
  Method method_ = Method::Get;
  std::uint8_t version_ = 11;
  bool head_only_ = false;
  bool options_ = false;
  bool unknown_method_ = false;
  bool shielded_ = false;
  bool cancelled_ = false;
  bool unpacked_ = false;
  bool json_used_ = false;
};

}  // namespace lares::http
