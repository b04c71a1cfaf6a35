// SPDX-License-Identifier: Apache-2.0
// How a connection reads requests and has them served. How it writes responses stands in
// connection_write.cpp.
#include <http/compression.hpp>
#include <http/connection.hpp>
#include <http/gate.hpp>
#include <http/http_loop.hpp>
#include <http/http_metrics.hpp>
#include <observe/request_log.hpp>

#include <lares/async/runtime.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/strings.hpp>
#include <lares/http/matrix_error.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lares::http {

namespace {

/// How long the work for a client that has closed its side goes on. A full close looks the same at first, but
/// one that has only finished sending still reads, and most answers come within this time.
constexpr std::chrono::milliseconds kHalfClosedGrace{1000};
/// A longer request id is not one that a proxy made.
constexpr std::size_t kMaxRequestId = 128;
// Nothing that is asked without a token is longer; what is would be read into memory for anybody.
constexpr std::uint64_t kMostPublicBody = 65'536;
constexpr int kReadsAtATime = 8;

bool printable(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

/// The methods that a path has, for `Allow`.
std::string allowed_methods(std::uint8_t mask) {
  std::string result;
  for (unsigned at = 0; at < kMethods; ++at) {
    if ((mask >> at & 1U) != 0) {
      result += to_string(static_cast<Method>(at));
      result += ", ";
      if (static_cast<Method>(at) == Method::Get) {
        result += "HEAD, ";
      }
    }
  }
  return result + "OPTIONS";
}

}  // namespace

Connection::Connection(HttpLoop& loop, std::unique_ptr<Stream> stream,
                       std::shared_ptr<const ListenerSettings> settings, std::string peer)
    : loop_(loop), stream_(std::move(stream)), settings_(std::move(settings)), peer_(std::move(peer)) {}

Connection::~Connection() {
  loop_.wheel().remove(*this);
  loop_.on_destroyed();
}

void Connection::start() {
  began_ = loop_.loop().now();
  loop_.wheel().set(*this, began_ + settings_->limits.header_timeout);
  wait(Want::Read);
}

void Connection::wait(Want want) {
  if (state_ == State::Closed) {
    return;
  }
  bool& waiting = want == Want::Read ? read_wait_ : write_wait_;
  if (!waiting) {
    waiting = true;
    stream_->wait(want, RefPtr<Connection>(this));
  }
}

void Connection::on_ready(Want want) {
  (want == Want::Read ? read_wait_ : write_wait_) = false;
  switch (state_) {
    case State::Reading:
      run();
      break;
    case State::Handling:
      if (want == Want::Read) {
        watch_client();
      }
      break;
    case State::Writing:
      continue_writing();
      break;
    case State::Streaming:
      if (Waiter* waiter = std::exchange(writable_, nullptr)) {
        waiter->notify();
      } else if (want == Want::Read) {
        watch_client();
      }
      break;
    case State::Finishing:
      break;  // asked again once the coroutine has ended
    case State::Lingering:
      linger();
      break;
    case State::Closed:
      break;
  }
}

// Reading
// ------------------------------------------------------------------------------------------------------------

/// Reads and serves requests until the connection waits for something.
void Connection::run() {
  const RefPtr<Connection> keep(this);
  in_run_ = true;
  bool drained = false;
  for (int turn = 0; state_ == State::Reading; ++turn) {
    if (!ahead_.empty()) {
      ahead_.erase(0, feed_all(ahead_));
      if (state_ != State::Reading) {
        break;
      }
    }
    // A read that did not fill the buffer has emptied the socket: asking it again would be a system call for
    // nothing. And after some turns others on this loop come first, unless what is at hand would wake nobody.
    if ((drained || turn >= kReadsAtATime) && !stream_->buffered()) {
      wait(Want::Read);
      break;
    }
    const std::span<char> scratch = loop_.scratch();
    const IoResult result = stream_->read(scratch);
    if (result.status == IoStatus::Ok) {
      const std::string_view bytes(scratch.data(), result.bytes);
      drained = result.bytes < scratch.size();
      // Straight from the loop's buffer where nothing has to be put before it.
      ahead_.append(bytes.substr(ahead_.empty() ? feed_all(bytes) : 0));
    } else if (result.status == IoStatus::WantRead) {
      wait(Want::Read);
      break;
    } else if (result.status == IoStatus::WantWrite) {
      wait(Want::Write);
      break;
    } else if (result.status == IoStatus::Eof) {
      on_end_of_input();
      break;
    } else {
      vanished_ = true;
      close();
      break;
    }
  }
  in_run_ = false;
  if (ahead_.empty() && ahead_.capacity() > 1024) {
    ahead_.shrink_to_fit();
  }
}

/// Gives bytes to one request after the other; returns how many were used.
std::size_t Connection::feed_all(std::string_view bytes) {
  std::size_t used = 0;
  while (state_ == State::Reading && used < bytes.size()) {
    std::size_t consumed = 0;
    const bool more = feed(bytes.substr(used), consumed);
    used += consumed;
    if (more && consumed == 0) {
      break;
    }
  }
  return used;
}

/// Returns true if it wants more bytes.
bool Connection::feed(std::string_view bytes, std::size_t& consumed) {
  consumed = 0;
  if (!parser_) {
    parser_.emplace(request_, settings_->limits);
    began_ = loop_.loop().now();
    loop_.wheel().set(*this, began_ + settings_->limits.header_timeout);
  }
  RequestParser::State parsed = parser_->feed(bytes, consumed);
  if (parsed == RequestParser::State::HeaderDone) {
    if (!on_header()) {
      return false;
    }
    std::size_t used = 0;
    parsed = parser_->feed(bytes.substr(consumed), used);
    consumed += used;
  } else if (parsed == RequestParser::State::Done && !parser_->body_accepted()) {
    if (!on_header()) {
      return false;
    }
  }
  switch (parsed) {
    case RequestParser::State::NeedMore:
    case RequestParser::State::HeaderDone:
      if (parser_->header_done()) {
        if (!hold_body()) {
          return false;
        }
        set_read_deadline();
      }
      return true;
    case RequestParser::State::Failed: {
      const RequestParser::Failure failure = parser_->failure();
      refuse(failure.status, failure.errcode, failure.message);
      return false;
    }
    case RequestParser::State::Done:
      on_request();
      return false;
  }
  return false;
}

void Connection::set_read_deadline() {
  const auto allowance = std::chrono::seconds(parser_->body_received() / settings_->limits.minimum_rate);
  loop_.wheel().set(*this,
                    began_ + settings_->limits.header_timeout + settings_->limits.body_timeout + allowance);
}

/// Counts what has come of a large body. A token is looked up only once all is read, so anybody could fill
/// the memory: of those that are not known from before, so much is held together and no more. False if the
/// request was refused.
bool Connection::hold_body() {
  const std::uint64_t received = parser_->body_received();
  if (received <= kMostPublicBody || known_) {
    return true;
  }
  HttpCore& core = loop_.core();
  if (held_ == 0 && core.gate.knows(request_)) {
    known_ = true;
    return true;
  }
  const std::uint64_t more = received - held_;
  held_ = received;
  if (core.strangers_bytes.fetch_add(more, std::memory_order_relaxed) + more <= core.most_of_strangers) {
    return true;
  }
  refuse(429, "M_LIMIT_EXCEEDED", "Too many large requests arrive at the moment. Try again later.");
  return false;
}

void Connection::release_body() noexcept {
  loop_.core().strangers_bytes.fetch_sub(std::exchange(held_, 0), std::memory_order_relaxed);
  known_ = false;
}

/// The header is complete: finds the route, which says how large the body may be. False if the request was
/// refused.
bool Connection::on_header() {
  keep_alive_ = parser_->keep_alive();
  if (!request_.options_) {
    request_.route(loop_.core().router.match(request_.method_, request_.path(), settings_->resources));
  }
  const Route* route = request_.unknown_method_ ? nullptr : request_.match_.route;
  std::uint64_t limit = settings_->limits.body_bytes;
  if (route != nullptr && route->options.body_limit != 0) {
    limit = route->options.body_limit;
  } else if (route == nullptr || route->access == Access::Public) {
    // Nobody has shown a token.
    limit = std::min(limit, kMostPublicBody);
  }
  if (parser_->declared_length() > limit) {
    refuse(413, "M_TOO_LARGE",
           fmt::format("The request's body has {} bytes, of which {} are allowed.",
                       parser_->declared_length(), limit));
    return false;
  }
  parser_->accept_body(limit);
  const std::string_view expect = request_.header(RequestImpl::Field::expect);
  if (!expect.empty() && request_.version_ == 11) {
    if (!equals_ignore_case(expect, "100-continue")) {
      refuse(417, "M_UNKNOWN", "The only expectation that is understood is 100-continue.");
      return false;
    }
    if (!parser_->done()) {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      const IoResult result = stream_->write(kContinue, {});
      if (result.status == IoStatus::Error || result.status == IoStatus::Eof) {
        vanished_ = true;
        close();
        return false;
      }
      // A client that has yet to read what it asked for before takes the rest with the answer. It goes on by
      // itself when it has waited long enough, and TLS wants to be given the same bytes again.
      header_rest_ = kContinue.substr(result.status == IoStatus::Ok ? result.bytes : 0);
    }
  }
  return true;
}

void Connection::on_end_of_input() {
  client_eof_ = true;
  if (parser_ && parser_->started()) {
    refuse(400, "M_UNKNOWN", "The connection was closed before the request was complete.");
  } else {
    close();
  }
}

/// Answers what cannot become a request, and closes: where the next one would begin is unknown.
void Connection::refuse(int status, std::string_view errcode, std::string_view message) {
  loop_.core().metrics.bad_requests.add();
  keep_alive_ = false;
  received_ = loop_.loop().now();
  start_context();
  const ContextScope scope(context_);
  loop_.core().log.info("Refused a request from {}: {} {}: {}", peer_, status, errcode, message);
  send(error_response(MatrixError(status, errcode, message)));
}

void Connection::on_request() {
  release_body();
  loop_.wheel().clear(*this);
  received_ = loop_.loop().now();
  request_.received_ts_ = loop_.core().runtime.now_ms();
  request_.body_limit_ = parser_->body_limit();
  start_context();
  serve();
}

/// Makes the log context of the request whose header was read, or of as much as came of it.
void Connection::start_context() {
  HttpCore& core = loop_.core();
  if (context_) {
    return;
  }
  RequestFacts facts;
  facts.method = request_.method_text().empty() ? "-" : std::string(request_.method_text());
  const std::string_view given = settings_->request_id_header.empty()
                                     ? std::string_view()
                                     : request_.header(settings_->request_id_header);
  if (!given.empty() && given.size() <= kMaxRequestId && printable(given)) {
    facts.request_id = fmt::format("{}-{}", facts.method, given);
  } else {
    facts.request_id =
        fmt::format("{}-{}", facts.method, core.sequence.fetch_add(1, std::memory_order_relaxed));
  }
  request_.client_ip_ = peer_;
  if (settings_->x_forwarded) {
    const std::string_view forwarded = request_.header("X-Forwarded-For");
    const std::string_view first = trim(forwarded.substr(0, forwarded.find(',')));
    if (!first.empty() && first.size() <= 64 && printable(first)) {
      request_.client_ip_ = first;
    }
  }
  facts.ip_address = request_.client_ip_;
  facts.site_tag = settings_->site_tag;
  facts.url = redact_uri(request_.target());
  facts.protocol = request_.protocol();
  facts.user_agent = request_.user_agent();
  context_ = LogContext::create(facts.request_id, core.server_name);
  context_->set_request(std::move(facts));
  reported_ = false;
  reported_usage_ = {};
  metrics_ = request_.options_                  ? &core.metrics.options()
             : request_.match_.route != nullptr ? &core.metrics.route(request_.match_.route_index)
                                                : &core.metrics.unrecognized();
  metrics_->received();
  if (settings_->access.enabled(log::Level::kDebug)) {
    const ContextScope scope(context_);
    log_received_request(settings_->access, request_.method_text(), request_.target());
  }
}

// Handling
// -----------------------------------------------------------------------------------------------------------

void Connection::serve() {
  state_ = State::Handling;
  const Route* route = request_.unknown_method_ ? nullptr : request_.match_.route;
  if (route == nullptr) {
    const ContextScope scope(context_);
    if (request_.options_) {
      send({.status = 204, .body = {}});
    } else if (request_.match_.allowed != 0) {
      Response response = error_response(MatrixError(405, "M_UNRECOGNIZED", "Unrecognized request"));
      response.headers.emplace_back("Allow", allowed_methods(request_.match_.allowed));
      send(std::move(response));
    } else {
      send(error_response(unrecognized()));
    }
    return;
  }
  request_.set_json_rules(settings_->limits.json_depth, route->options.body_optional);
  running_ = true;
  boost::asio::co_spawn(
      loop_.loop().executor(context_), serve_request(RefPtr<Connection>(this)),
      boost::asio::bind_cancellation_slot(cancel_.slot(),
                                          [self = RefPtr<Connection>(this)](const std::exception_ptr& error) {
                                            self->on_handler_done(error);
                                          }));
  if (state_ == State::Handling) {
    wait(Want::Read);
  }
}

Task<void> Connection::serve_request(RefPtr<Connection> self) {
  Response response = co_await self->loop_.core().gate.pass(self->request_);
  const bool pack = self->should_compress(response);
  if (pack) {
    co_await self->compress(response);
  }
  const bool streamed = response.source != nullptr;
  self->send(std::move(response));
  if (streamed && self->state_ == State::Streaming) {
    co_await self->stream_body();
  }
}

/// The handler's coroutine has ended; its response may still be on its way.
void Connection::on_handler_done(const std::exception_ptr& error) {
  running_ = false;
  if (error && state_ != State::Closed && request_.cancelled_) {
    finish_request(false);
    close();
    return;
  }
  if (error && state_ != State::Closed) {
    // The gate turns what handlers throw into responses, so this is a body that could not be produced to its
    // end.
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& failure) {
      loop_.core().log.error("A response could not be completed: {}", failure.what());
    } catch (...) {
      loop_.core().log.error("A response could not be completed");
    }
    finish_request(false);
    close();
    return;
  }
  if (state_ == State::Closed) {
    finish_request(false);
    forget_if_over();
  } else if (state_ == State::Finishing) {
    state_ = State::Reading;
    next_request();
  }
}

/// The client sends something, or goes, while its request is being served.
void Connection::watch_client() {
  const std::size_t room =
      settings_->limits.pipelined_bytes - std::min(ahead_.size(), settings_->limits.pipelined_bytes);
  if (room == 0) {
    return;  // read on when the request is done
  }
  const std::span<char> scratch = loop_.scratch();
  const IoResult result = stream_->read(scratch.first(std::min(room, scratch.size())));
  switch (result.status) {
    case IoStatus::Ok:
      ahead_.append(scratch.data(), result.bytes);
      if (stream_->buffered()) {
        watch_client();
      } else {
        wait(Want::Read);
      }
      return;
    case IoStatus::WantRead:
      wait(Want::Read);
      return;
    case IoStatus::WantWrite:
      wait(Want::Write);
      return;
    case IoStatus::Eof:
      client_eof_ = true;
      if (state_ == State::Handling && may_cancel()) {
        loop_.wheel().set(*this, loop_.loop().now() + kHalfClosedGrace);
      }
      return;
    case IoStatus::Error:
      on_client_gone();
      return;
  }
}

bool Connection::may_cancel() const noexcept {
  const Route* route = request_.match_.route;
  return running_ && route != nullptr && route->options.cancellable && !request_.shielded_;
}

/// The client has closed its side a while ago. What may be cancelled is; other work is answered, in case
/// someone reads.
void Connection::on_half_closed() {
  if (may_cancel()) {
    on_client_gone();
  }
}

void Connection::on_client_gone() {
  const RefPtr<Connection> keep(this);
  vanished_ = true;
  keep_alive_ = false;
  if (may_cancel()) {
    request_.cancelled_ = true;
    cancel_.emit(boost::asio::cancellation_type::terminal);
  }
}

void Connection::next_request() {
  context_->finish();
  context_ = {};
  metrics_ = nullptr;
  request_.clear();
  parser_.reset();
  if (loop_.core().draining.load(std::memory_order_relaxed) && ahead_.empty()) {
    close();
    return;
  }
  loop_.wheel().set(*this, loop_.loop().now() + settings_->limits.idle_timeout);
  if (in_run_) {
    return;  // it goes on with what it has read
  }
  if (!ahead_.empty() || stream_->buffered()) {
    // Not from here: this may be the end of the former request's coroutine.
    loop_.loop().post([self = RefPtr<Connection>(this)] {
      if (self->state_ == State::Reading) {
        self->run();
      }
    });
  } else if (client_eof_) {
    close();
  } else {
    wait(Want::Read);
  }
}

// Ends
// ---------------------------------------------------------------------------------------------------------------

void Connection::on_deadline() noexcept {
  const RefPtr<Connection> keep(this);
  switch (state_) {
    case State::Reading:
      if (parser_ && parser_->started()) {
        refuse(408, "M_UNKNOWN", "The request did not arrive in time.");
      } else {
        close();
      }
      break;
    case State::Handling:
      on_half_closed();
      break;
    case State::Writing:
    case State::Streaming:
      vanished_ = true;
      finish_request(false);
      close();
      break;
    case State::Finishing:
      break;
    case State::Lingering:
      close();
      break;
    case State::Closed:
      break;
  }
}

void Connection::drain() {
  if (state_ == State::Reading && !(parser_ && parser_->started())) {
    close();
  }
}

void Connection::abort() {
  const RefPtr<Connection> keep(this);
  if (state_ == State::Closed) {
    return;
  }
  if (state_ == State::Handling) {
    on_client_gone();
  } else {
    finish_request(false);
  }
  close();
}

void Connection::linger() {
  const RefPtr<Connection> keep(this);
  for (int turn = 0; turn < kReadsAtATime; ++turn) {
    const IoResult result = stream_->read(loop_.scratch());
    if (result.status == IoStatus::Eof || result.status == IoStatus::Error) {
      close();
      return;
    }
    if (result.status == IoStatus::WantRead || result.status == IoStatus::WantWrite) {
      break;
    }
  }
  wait(Want::Read);
}

void Connection::close() {
  if (state_ == State::Closed) {
    return;
  }
  const RefPtr<Connection> keep(this);
  state_ = State::Closed;
  release_body();
  loop_.wheel().remove(*this);
  stream_->close();
  if (Waiter* waiter = std::exchange(writable_, nullptr)) {
    waiter->notify();
  }
  forget_if_over();
}

void Connection::forget_if_over() {
  if (state_ == State::Closed && !running_) {
    if (context_) {
      finish_request(false);
      context_->finish();
      context_ = {};
    }
    loop_.unlink(*this);
  }
}

}  // namespace lares::http
