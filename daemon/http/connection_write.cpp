// SPDX-License-Identifier: Apache-2.0
// How a connection writes responses, and accounts for finished requests.
#include <http/compression.hpp>
#include <http/connection.hpp>
#include <http/http_loop.hpp>
#include <http/http_metrics.hpp>
#include <http/standard_headers.hpp>
#include <observe/request_log.hpp>

#include <lares/async/blocking_pool.hpp>
#include <lares/async/runtime.hpp>
#include <lares/async/waiter.hpp>

#include <boost/beast/http/status.hpp>

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <utility>

namespace lares::http {

namespace {

/// Smaller bodies fit one packet anyhow.
constexpr std::size_t kWorthCompressing = 1400;
/// A larger body is compressed on a pool's thread, since it would hold the loop for more than a millisecond.
constexpr std::size_t kCompressHere = 64U * 1024U;
constexpr std::size_t kStreamBlock = 64U * 1024U;
constexpr std::chrono::milliseconds kLingerTime{2000};

bool has_no_body(int status) noexcept {
  return status < 200 || status == 204 || status == 304;
}

std::string_view body_of(const Response& response) noexcept {
  return response.shared_body != nullptr ? std::string_view(*response.shared_body)
                                         : std::string_view(response.body);
}

/// What a client may see in a header; anything else would let a value begin a header of its own.
bool valid_header(std::string_view text) noexcept {
  return text.find_first_of("\r\n\0", 0, 3) == std::string_view::npos;
}

}  // namespace

bool Connection::should_compress(const Response& response) const {
  if (response.source != nullptr || settings_->compressed == 0 || has_no_body(response.status) ||
      request_.head_only_ || request_.match_.route == nullptr) {
    return false;
  }
  HttpCore& core = loop_.core();
  return body_of(response).size() >= kWorthCompressing && compressible(response.content_type) &&
         (core.router.route_resource(request_.match_.route_index) & settings_->compressed) != 0 &&
         accepts_gzip(request_.header(RequestImpl::Field::accept_encoding));
}

Task<void> Connection::compress(Response& response) {
  const std::string_view body = body_of(response);
  std::string packed;
  if (body.size() <= kCompressHere || loop_.core().compression == nullptr) {
    packed = gzip(body);
  } else {
    try {
      packed = co_await run_on(*loop_.core().compression, [body] { return gzip(body); });
    } catch (const QueueFull&) {
      co_return;  // sent as it is
    }
  }
  response.body = std::move(packed);
  response.shared_body = nullptr;
  response.headers.emplace_back("Content-Encoding", "gzip");
}

void Connection::format_header(const Response& response, std::string_view body, std::string& out) {
  const std::int64_t now_ms = loop_.core().runtime.now_ms();
  auto end = std::back_inserter(out);
  chunked_ = false;
  if (response.status == 200 && response.content_type == "application/json" && response.source == nullptr) {
    out += loop_.json_header(now_ms);
    fmt::format_to(end, FMT_STRING("{}\r\n"), body.size());
  } else {
    const auto reason =
        boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status));
    fmt::format_to(end, FMT_STRING("HTTP/1.1 {} {}\r\nServer: Lares\r\n"), response.status,
                   std::string_view(reason.data(), reason.size()));
    out += loop_.date_header(now_ms);
    out += kCorsHeaders;
    if (response.status == 204 || response.status == 304) {
      // Neither has a body, nor the headers that describe one.
    } else if (response.source != nullptr && response.length < 0) {
      fmt::format_to(end, FMT_STRING("Content-Type: {}\r\n"), response.content_type);
      if (request_.version_ == 11) {
        chunked_ = true;
        out += "Transfer-Encoding: chunked\r\n";
      } else {
        keep_alive_ = false;  // the end of the connection is that of the body
      }
    } else {
      const std::uint64_t length =
          response.source != nullptr ? static_cast<std::uint64_t>(response.length) : body.size();
      fmt::format_to(end, FMT_STRING("Content-Type: {}\r\nContent-Length: {}\r\n"), response.content_type,
                     length);
    }
    if (response.content_type == "application/json") {
      out += kNoCache;
    }
  }
  for (const auto& [name, value] : response.headers) {
    if (valid_header(name) && valid_header(value)) {
      out += name;
      out += ": ";
      out += value;
      out += "\r\n";
    }
  }
  if (settings_->compressed != 0) {
    out += "Vary: Accept-Encoding\r\n";
  }
  if (!keep_alive_) {
    out += "Connection: close\r\n";
  } else if (request_.version_ == 10) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
}

void Connection::send(Response response) {
  const RefPtr<Connection> keep(this);
  handled_ = loop_.loop().now();
  status_ = response.status;
  sent_ = 0;
  body_written_ = 0;
  if (state_ == State::Closed || vanished_) {
    finish_request(false);
    close();
    return;
  }
  // A client that has finished sending is still owed the answers to what it sent before.
  if (loop_.core().draining.load(std::memory_order_relaxed) || (client_eof_ && ahead_.empty())) {
    keep_alive_ = false;
  }
  const bool streamed = response.source != nullptr && !request_.head_only_;
  const std::string_view body = body_of(response);
  std::string& header = loop_.header_text();
  header = header_rest_;
  header_rest_.clear();
  format_header(response, body, header);
  const bool bare = streamed || request_.head_only_ || has_no_body(response.status);
  const std::string_view payload = bare ? std::string_view() : body;

  const IoResult result = stream_->write(header, payload);
  if (result.status == IoStatus::Error || result.status == IoStatus::Eof) {
    vanished_ = true;
    finish_request(false);
    close();
    return;
  }
  const std::size_t written = result.status == IoStatus::Ok ? result.bytes : 0;
  if (!streamed && written == header.size() + payload.size()) {
    sent_ = payload.size();
    on_written(true);
    return;
  }
  began_ = handled_;
  header_rest_.assign(header, std::min(written, header.size()));
  body_written_ = written > header.size() ? written - header.size() : 0;
  sent_ = body_written_;
  response_ = std::move(response);
  if (bare) {
    response_.body.clear();
    response_.shared_body = nullptr;
  }
  state_ = streamed ? State::Streaming : State::Writing;
  set_write_deadline();
  if (!streamed) {
    wait(result.status == IoStatus::WantRead ? Want::Read : Want::Write);
  }
}

void Connection::set_write_deadline() {
  const auto allowance = std::chrono::seconds(sent_ / settings_->limits.minimum_rate);
  loop_.wheel().set(*this, began_ + settings_->limits.write_timeout + allowance);
}

void Connection::continue_writing() {
  const RefPtr<Connection> keep(this);
  for (;;) {
    const std::string_view body = body_of(response_).substr(body_written_);
    const IoResult result = stream_->write(header_rest_, body);
    switch (result.status) {
      case IoStatus::WantRead:
        wait(Want::Read);
        return;
      case IoStatus::WantWrite:
        wait(Want::Write);
        return;
      case IoStatus::Error:
      case IoStatus::Eof:
        vanished_ = true;
        finish_request(false);
        close();
        return;
      case IoStatus::Ok:
        break;
    }
    const std::size_t of_header = std::min(result.bytes, header_rest_.size());
    header_rest_.erase(0, of_header);
    body_written_ += result.bytes - of_header;
    sent_ += result.bytes - of_header;
    if (header_rest_.empty() && body_written_ == body_of(response_).size()) {
      if (context_) {
        const ContextScope scope(context_);
        on_written(true);
      } else {
        on_written(true);
      }
      return;
    }
    set_write_deadline();
  }
}

/// Writes everything of both parts, waiting where the client is slow. False when it has gone.
Task<bool> Connection::write_block(std::string_view first, std::string_view second) {
  loop_.wheel().set(*this, loop_.loop().now() + settings_->limits.write_timeout);
  while (state_ == State::Streaming && (!first.empty() || !second.empty())) {
    const IoResult result = stream_->write(first, second);
    switch (result.status) {
      case IoStatus::Ok: {
        const std::size_t of_first = std::min(result.bytes, first.size());
        first.remove_prefix(of_first);
        second.remove_prefix(result.bytes - of_first);
        break;
      }
      case IoStatus::WantRead:
      case IoStatus::WantWrite: {
        const Want want = result.status == IoStatus::WantRead ? Want::Read : Want::Write;
        Waiter waiter;
        writable_ = &waiter;
        co_await waiter.wait([this, want] { wait(want); });
        break;
      }
      case IoStatus::Error:
      case IoStatus::Eof:
        vanished_ = true;
        co_return false;
    }
  }
  co_return state_ == State::Streaming;
}

Task<void> Connection::stream_body() {
  // The header first, what is left of it.
  const std::string header = std::move(header_rest_);
  bool alive = co_await write_block(header, {});
  std::vector<char> block(kStreamBlock);
  std::uint64_t left = response_.length < 0 ? UINT64_MAX : static_cast<std::uint64_t>(response_.length);
  while (alive && left > 0) {
    // The client's time does not run while the source works.
    loop_.wheel().clear(*this);
    const std::span<char> room(block.data(),
                               static_cast<std::size_t>(std::min<std::uint64_t>(left, block.size())));
    const std::size_t count = co_await response_.source->read(room);
    if (count == 0) {
      break;
    }
    const std::string_view data(block.data(), count);
    if (chunked_) {
      const std::string size = fmt::format("{:x}\r\n", count);
      alive = co_await write_block(size, data);
      alive = alive && co_await write_block("\r\n", {});
    } else {
      alive = co_await write_block(data, {});
    }
    if (alive) {
      sent_ += count;
    }
    if (response_.length >= 0) {
      left -= count;
    }
  }
  if (alive && chunked_) {
    alive = co_await write_block("0\r\n\r\n", {});
  }
  if (state_ != State::Streaming) {
    finish_request(false);
    co_return;
  }
  const bool complete = alive && (response_.length < 0 || left == 0);
  if (!complete) {
    keep_alive_ = false;  // the client counts on bytes that will not come
  }
  on_written(complete);
}

/// The whole response is with the kernel, or will never be.
void Connection::on_written(bool complete) {
  finish_request(complete);
  response_ = {};
  header_rest_ = {};
  if (!complete) {
    close();
    return;
  }
  if (!keep_alive_) {
    stream_->shutdown();
    if (client_eof_ || (parser_ && parser_->done() && ahead_.empty())) {
      close();
      return;
    }
    // Closing with unread input would reset the connection and might take the response with it.
    state_ = State::Lingering;
    loop_.wheel().set(*this, loop_.loop().now() + kLingerTime);
    ahead_.clear();
    wait(Want::Read);
    return;
  }
  if (running_) {
    state_ = State::Finishing;
    return;
  }
  state_ = State::Reading;
  next_request();
}

/// Writes the request's log line and metrics, once.
void Connection::finish_request(bool complete) {
  if (reported_) {
    return;
  }
  reported_ = true;
  const SteadyTime now = loop_.loop().now();
  if (handled_ < received_) {
    handled_ = now;
  }
  if (status_ == 0) {
    status_ = 499;
  }
  const Usage usage = context_->usage();
  metrics_->finished({.tag = request_.tag_,
                      .status = status_,
                      .seconds = std::chrono::duration<double>(now - received_).count(),
                      .bytes = sent_,
                      .usage = usage,
                      .unreported = usage - reported_usage_});
  if (settings_->access.enabled(log::Level::kInfo)) {
    const ContextScope scope(context_);
    log_request(settings_->access, {.ip_address = settings_->socket_path.empty() || settings_->x_forwarded
                                                      ? std::string_view(request_.client_ip_)
                                                      : std::string_view(settings_->socket_path),
                                    .site_tag = settings_->site_tag,
                                    .requester = context_->requester(),
                                    .authenticated_entity = context_->authenticated_entity(),
                                    .processing = handled_ - received_,
                                    .sending = now - handled_,
                                    .usage = usage,
                                    .response_bytes = sent_,
                                    .code = static_cast<unsigned>(status_),
                                    .client_vanished = !complete,
                                    .method = request_.method_text(),
                                    .uri = request_.target(),
                                    .protocol = request_.protocol(),
                                    .user_agent = request_.user_agent()});
  }
  status_ = 0;
}

void Connection::report_usage() {
  if (!reported_ && context_) {
    const Usage usage = context_->usage();
    metrics_->in_flight_usage(usage - reported_usage_);
    reported_usage_ = usage;
  }
}

}  // namespace lares::http
