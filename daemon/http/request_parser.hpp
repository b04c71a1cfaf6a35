// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <http/request_impl.hpp>
#include <http/settings.hpp>

#include <boost/beast/http/basic_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lares::http {

/// Reads one request into a RequestImpl: the header into `head_`, with its parts as ranges, the body into
/// `body_`.
///
/// **Threads**: the connection's loop. **Lifetime**: one request; the RequestImpl outlives it.
class RequestParser final : private boost::beast::http::basic_parser<true> {
 public:
  enum class State : std::uint8_t {
    NeedMore,    ///< what was fed is used up, or too little to go on with
    HeaderDone,  ///< the header is complete, the body is not: say how large it may be (accept_body) and feed
                 ///< on
    Done,
    Failed,
  };
  struct Failure {
    int status = 400;
    const char* errcode = "M_UNKNOWN";
    const char* message = "";
  };

  RequestParser(RequestImpl& request, const Limits& limits);

  /// Takes bytes; `consumed` says how many. What is left belongs to the next request, or has to be fed again
  /// with more behind it.
  State feed(std::string_view bytes, std::size_t& consumed);
  /// After HeaderDone, once.
  void accept_body(std::uint64_t limit) noexcept;

  [[nodiscard]] bool header_done() const noexcept { return header_seen_; }
  [[nodiscard]] bool body_accepted() const noexcept { return body_accepted_; }
  [[nodiscard]] std::uint64_t body_limit() const noexcept { return body_limit_; }
  [[nodiscard]] bool done() const { return is_done(); }
  [[nodiscard]] bool started() const noexcept { return !request_.head_.empty(); }
  [[nodiscard]] bool keep_alive() const { return basic_parser::keep_alive(); }
  [[nodiscard]] std::uint64_t declared_length() const { return content_length().value_or(0); }
  [[nodiscard]] std::uint64_t body_received() const noexcept { return request_.body_.size(); }
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }

 private:
  using Code = boost::system::error_code;
  using Text = boost::beast::string_view;
  using Verb = boost::beast::http::verb;
  using Field = boost::beast::http::field;

  void on_request_impl(Verb verb, Text method, Text target, int version, Code& code) override;
  void on_response_impl(int status, Text reason, int version, Code& code) override;
  void on_field_impl(Field name, Text name_text, Text value, Code& code) override;
  void on_header_impl(Code& code) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Code& code) override;
  std::size_t on_body_impl(Text body, Code& code) override;
  void on_chunk_header_impl(std::uint64_t size, Text extensions, Code& code) override;
  std::size_t on_chunk_body_impl(std::uint64_t remaining, Text body, Code& code) override;
  void on_finish_impl(Code& code) override;

  [[nodiscard]] RequestImpl::Range range(Text text) const noexcept;
  [[nodiscard]] bool in_head(Text text) const noexcept;
  void refuse(Code& code, int status, const char* errcode, const char* message) noexcept;
  State fail(const Code& code) noexcept;

  RequestImpl& request_;
  const Limits& limits_;
  Failure failure_;
  std::uint64_t body_limit_ = 0;
  std::size_t parsed_ = 0;  ///< of head_, while the header is being read
  bool header_seen_ = false;
  bool body_accepted_ = false;
  bool refused_ = false;
};

}  // namespace lares::http
