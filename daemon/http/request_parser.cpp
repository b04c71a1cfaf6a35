// SPDX-License-Identifier: Apache-2.0
#include <http/request_parser.hpp>

#include <lares/base/strings.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>

namespace lares::http {

namespace beast_http = boost::beast::http;

namespace {

/// Of what was read ahead, no more than this is taken for one header at a time, so that a row of pipelined
/// requests is not copied once for each of them.
constexpr std::size_t kHeadStep = 2048;
/// A chunk's size line that is longer has no honest purpose.
constexpr std::size_t kChunkLine = 4096;

}  // namespace

RequestParser::RequestParser(RequestImpl& request, const Limits& limits)
    : request_(request), limits_(limits) {
  header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  // The limit depends on the route and is kept in on_body_impl.
  basic_parser::body_limit(boost::none);
  eager(false);
}

RequestParser::State RequestParser::feed(std::string_view bytes, std::size_t& consumed) {
  consumed = 0;
  Code code;
  while (!header_seen_) {
    std::string& head = request_.head_;
    if (head.empty()) {
      // An empty line between two requests is tolerated, as RFC 9112 section 2.2 asks.
      while (consumed < bytes.size() && (bytes[consumed] == '\r' || bytes[consumed] == '\n')) {
        ++consumed;
      }
    }
    const std::string_view step = bytes.substr(consumed, kHeadStep);
    if (step.empty()) {
      return State::NeedMore;
    }
    head.append(step);
    parsed_ += put(boost::asio::buffer(head.data() + parsed_, head.size() - parsed_), code);
    if (code && code != beast_http::error::need_more) {
      return fail(code);
    }
    consumed += step.size();
    if (header_seen_) {
      // What follows the header is fed again as body, or belongs to the next request.
      consumed -= head.size() - parsed_;
      head.resize(parsed_);
      return is_done() ? State::Done : State::HeaderDone;
    }
  }
  while (!is_done()) {
    const std::string_view rest = bytes.substr(consumed);
    if (rest.empty()) {
      return State::NeedMore;
    }
    code = {};
    const std::size_t used = put(boost::asio::buffer(rest.data(), rest.size()), code);
    consumed += used;
    if (code && code != beast_http::error::need_more) {
      return fail(code);
    }
    if (is_done()) {
      break;
    }
    if (code == beast_http::error::need_more) {
      if (rest.size() - used > kChunkLine) {
        failure_ = {400, "M_UNKNOWN", "The request has a chunk header that is too long."};
        return State::Failed;
      }
      return State::NeedMore;
    }
  }
  return State::Done;
}

void RequestParser::accept_body(std::uint64_t limit) noexcept {
  body_limit_ = limit;
  body_accepted_ = true;
}

bool RequestParser::in_head(Text text) const noexcept {
  const std::string& head = request_.head_;
  return text.empty() ||
         (text.data() >= head.data() && text.data() + text.size() <= head.data() + head.size());
}

RequestImpl::Range RequestParser::range(Text text) const noexcept {
  if (text.empty()) {
    return {};
  }
  return {static_cast<std::uint32_t>(text.data() - request_.head_.data()),
          static_cast<std::uint32_t>(text.size())};
}

void RequestParser::refuse(Code& code, int status, const char* errcode, const char* message) noexcept {
  failure_ = {status, errcode, message};
  refused_ = true;
  code = beast_http::error::bad_value;
}

RequestParser::State RequestParser::fail(const Code& code) noexcept {
  if (!refused_) {
    if (code == beast_http::error::header_limit) {
      failure_ = {431, "M_TOO_LARGE", "The request's header is too large."};
    } else if (code == beast_http::error::bad_version) {
      failure_ = {505, "M_UNKNOWN", "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
    } else if (code == beast_http::error::bad_method) {
      failure_ = {400, "M_UNKNOWN", "The request's method is malformed."};
    } else if (code == beast_http::error::bad_target) {
      failure_ = {400, "M_UNKNOWN", "The request's target is malformed."};
    } else if (code == beast_http::error::bad_content_length) {
      failure_ = {400, "M_UNKNOWN", "The request's Content-Length is malformed, or there are several."};
    } else if (code == beast_http::error::bad_transfer_encoding) {
      failure_ = {400, "M_UNKNOWN",
                  "The request's Transfer-Encoding is malformed, or contradicts its Content-Length."};
    } else if (code == beast_http::error::bad_chunk || code == beast_http::error::bad_chunk_extension) {
      failure_ = {400, "M_UNKNOWN", "The request's chunked body is malformed."};
    } else {
      failure_ = {400, "M_UNKNOWN", "The request's header is malformed."};
    }
  }
  return State::Failed;
}

void RequestParser::on_request_impl(Verb verb, Text method, Text target, int version, Code& code) {
  request_.method_text_ = range(method);
  request_.version_ = static_cast<std::uint8_t>(version);
  switch (verb) {
    case Verb::get:
      request_.method_ = Method::Get;
      break;
    case Verb::head:
      request_.method_ = Method::Get;
      request_.head_only_ = true;
      break;
    case Verb::put:
      request_.method_ = Method::Put;
      break;
    case Verb::post:
      request_.method_ = Method::Post;
      break;
    case Verb::delete_:
      request_.method_ = Method::Delete;
      break;
    case Verb::patch:
      request_.method_ = Method::Patch;
      break;
    case Verb::options:
      request_.options_ = true;
      break;
    default:
      request_.unknown_method_ = true;
      break;
  }
  if (!target.empty() && target[0] != '/') {
    // The absolute form, as sent to proxies; RFC 9112 section 3.2.2 has servers accept it.
    for (const Text scheme : {Text("http://"), Text("https://")}) {
      if (target.substr(0, scheme.size()) == scheme) {
        // A slash behind the authority's end is none of the path's.
        const std::size_t end = target.find_first_of("/?#", scheme.size());
        target = end == Text::npos ? Text() : target.substr(end);
        break;
      }
    }
  }
  if (target.empty() || (target[0] != '/' && !(request_.options_ && target == "*"))) {
    refuse(code, 400, "M_UNKNOWN", "The request's target must begin with a slash.");
    return;
  }
  request_.target_ = range(target);
}

void RequestParser::on_response_impl(int, Text, int, Code&) {}

void RequestParser::on_field_impl(Field name, Text name_text, Text value, Code& code) {
  if (header_seen_) {
    return;  // a trailer: what comes after the body must not change what was decided before it
  }
  if (request_.fields_.size() >= limits_.header_fields) {
    refuse(code, 431, "M_TOO_LARGE", "The request has too many header fields.");
    return;
  }
  if (!in_head(value)) {
    // A value continued on the next line, which RFC 9112 section 5.2 lets a server refuse, is not a range of
    // the header.
    refuse(code, 400, "M_UNKNOWN", "The request has a header field continued over several lines.");
    return;
  }
  request_.fields_.push_back({name, range(name_text), range(value)});
}

void RequestParser::on_header_impl(Code& code) {
  header_seen_ = true;
  if (request_.count(Field::host) != 1 && (request_.version_ == 11 || request_.count(Field::host) > 1)) {
    refuse(code, 400, "M_UNKNOWN", "The request must have one Host header.");
    return;
  }
  // Equal lengths may be read as one, but whoever stands in front may have read the other form of them.
  const std::string_view length = request_.header(Field::content_length);
  if (request_.count(Field::content_length) > 1 || length.find(',') != std::string_view::npos) {
    refuse(code, 400, "M_UNKNOWN", "The request has several Content-Length values.");
    return;
  }
  // A coding that we do not undo would leave the body's end unknown, and with it the next request's begin.
  const std::size_t codings = request_.count(Field::transfer_encoding);
  if (codings > 1 ||
      (codings == 1 && !equals_ignore_case(request_.header(Field::transfer_encoding), "chunked"))) {
    refuse(code, 501, "M_UNKNOWN", "The request's Transfer-Encoding is not supported.");
    return;
  }
  if (request_.version_ == 10 && chunked()) {
    refuse(code, 400, "M_UNKNOWN", "HTTP/1.0 has no chunked bodies.");
  }
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& length, Code&) {
  if (length) {
    // A client may promise much and send nothing; memory follows what has come.
    request_.body_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 64U * 1024U)));
  }
}

std::size_t RequestParser::on_body_impl(Text body, Code& code) {
  if (body.size() > body_limit_ || request_.body_.size() > body_limit_ - body.size()) {
    refuse(code, 413, "M_TOO_LARGE", "The request's body is too large.");
    return 0;
  }
  request_.body_.append(body.data(), body.size());
  return body.size();
}

void RequestParser::on_chunk_header_impl(std::uint64_t, Text, Code&) {}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, Text body, Code& code) {
  return on_body_impl(body, code);
}

void RequestParser::on_finish_impl(Code&) {}

}  // namespace lares::http
