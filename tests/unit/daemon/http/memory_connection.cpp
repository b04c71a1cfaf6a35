// SPDX-License-Identifier: Apache-2.0
#include "memory_connection.hpp"

#include <lares/async/runtime.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/strings.hpp>

#include <algorithm>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

namespace lares::http::test {

void Wire::pump() {
  for (int turn = 0; turn < 100'000; ++turn) {
    if (reader && (!input.empty() || input_ended || broken)) {
      const RefPtr<Connection> connection = std::exchange(reader, {});
      connection->on_ready(Want::Read);
    } else if (writer && (room > 0 || broken)) {
      const RefPtr<Connection> connection = std::exchange(writer, {});
      connection->on_ready(Want::Write);
    } else {
      return;
    }
  }
  throw std::logic_error("a connection asks for ever");
}

IoResult MemoryStream::read(std::span<char> into) noexcept {
  if (wire_->broken) {
    return {IoStatus::Error, 0};
  }
  if (wire_->input.empty()) {
    return {wire_->input_ended ? IoStatus::Eof : IoStatus::WantRead, 0};
  }
  const std::size_t count = std::min({into.size(), wire_->input.size(), wire_->read_step});
  wire_->input.copy(into.data(), count);
  wire_->input.erase(0, count);
  return {IoStatus::Ok, count};
}

IoResult MemoryStream::write(std::string_view first, std::string_view second) noexcept {
  if (wire_->broken) {
    return {IoStatus::Error, 0};
  }
  std::size_t count = 0;
  for (const std::string_view part : {first, second}) {
    const std::size_t taken = std::min(part.size(), wire_->room);
    wire_->output.append(part.substr(0, taken));
    wire_->room -= wire_->room == SIZE_MAX ? 0 : taken;
    count += taken;
  }
  if (count == 0 && first.size() + second.size() > 0) {
    return {IoStatus::WantWrite, 0};
  }
  return {IoStatus::Ok, count};
}

void MemoryStream::wait(Want want, RefPtr<Connection> connection) {
  (want == Want::Read ? wire_->reader : wire_->writer) = std::move(connection);
}

void MemoryStream::close() noexcept {
  wire_->closed = true;
  wire_->reader = {};
  wire_->writer = {};
}

MemoryServer::MemoryServer()
    : runtime_({.threads = 1}),
      server_(runtime_),
      limits_(runtime_, *server_.config(), server_.name()),
      gate_(server_, limits_),
      metrics_(server_.metrics(), server_.name()),
      core_{.runtime = runtime_,
            .router = server_.router_impl(),
            .gate = gate_,
            .metrics = metrics_,
            .server_name = server_.name()},
      loop_(core_, runtime_.loop(0)),
      settings_(std::make_shared<ListenerSettings>()) {
  settings_->site_tag = "test";
}

MemoryServer::~MemoryServer() {
  on_loop([this] { loop_.abort(); });
  run_blocking(runtime_, "end",
               [](HttpLoop& loop) -> Task<void> { static_cast<void>(co_await loop.empty().wait()); }(loop_));
  runtime_.stop();
}

void MemoryServer::open() {
  gate_.open(server_.router_impl());
  metrics_.know(server_.router_impl());
  settings_->resources = UINT32_MAX;
}

void MemoryServer::on_loop(const std::function<void()>& function) {
  std::promise<void> done;
  runtime_.loop(0).post([&] {
    try {
      function();
      done.set_value();
    } catch (...) {
      done.set_exception(std::current_exception());
    }
  });
  done.get_future().get();
}

std::shared_ptr<Wire> MemoryServer::connect() {
  auto wire = std::make_shared<Wire>();
  on_loop([&] {
    core_.connections.fetch_add(1);
    loop_.adopt(std::make_unique<MemoryStream>(wire), settings_, "192.0.2.1");
  });
  return wire;
}

void MemoryServer::send(const std::shared_ptr<Wire>& wire, std::string_view bytes) {
  on_loop([&] {
    wire->input.append(bytes);
    wire->pump();
  });
}

void MemoryServer::end_input(const std::shared_ptr<Wire>& wire) {
  on_loop([&] {
    wire->input_ended = true;
    wire->pump();
  });
}

void MemoryServer::break_wire(const std::shared_ptr<Wire>& wire) {
  on_loop([&] {
    wire->broken = true;
    wire->pump();
  });
}

void MemoryServer::pass_time(std::chrono::milliseconds time) {
  on_loop([&] { loop_.wheel().advance(runtime_.steady_now() + (passed_ += time)); });
}

void MemoryServer::until(const std::shared_ptr<Wire>& wire, const std::function<bool()>& done) {
  const SteadyTime end = runtime_.steady_now() + std::chrono::seconds(10);
  for (bool over = false; !over;) {
    on_loop([&] {
      wire->pump();
      over = done();
    });
    if (!over && runtime_.steady_now() > end) {
      throw std::runtime_error("nothing happened for ten seconds");
    }
    std::this_thread::yield();
  }
}

std::string MemoryServer::responses(const std::shared_ptr<Wire>& wire, std::size_t count) {
  std::string result;
  until(wire, [&] {
    // A response is complete when its handler is done with it, that is, when the next read is waited for.
    std::size_t seen = 0;
    for (std::size_t at = 0; (at = wire->output.find("HTTP/1.1 ", at)) != std::string::npos; ++at) {
      ++seen;
    }
    return wire->closed || wire->shut || (seen >= count && wire->reader);
  });
  on_loop([&] { result = std::exchange(wire->output, {}); });
  return result;
}

std::string MemoryServer::ask(std::string_view bytes) {
  const auto wire = connect();
  send(wire, bytes);
  return responses(wire);
}

std::string MemoryServer::ask(std::string_view method, std::string_view path, std::string_view headers,
                              std::string_view body) {
  std::string text(method);
  text.append(" ").append(path).append(" HTTP/1.1\r\nHost: example.org\r\n").append(headers);
  if (!body.empty()) {
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  text.append("\r\n").append(body);
  return ask(text);
}

int status_of(std::string_view response) {
  return response.starts_with("HTTP/1.1 ") ? static_cast<int>(parse_int64(response.substr(9, 3)).value_or(0))
                                           : 0;
}

std::string body_of(std::string_view response) {
  const std::size_t at = response.find("\r\n\r\n");
  return at == std::string_view::npos ? std::string() : std::string(response.substr(at + 4));
}

std::string header_of(std::string_view response, std::string_view name) {
  const std::string_view head = response.substr(0, response.find("\r\n\r\n"));
  for (const std::string_view line : split(head, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && equals_ignore_case(line.substr(0, colon), name)) {
      return std::string(trim(line.substr(colon + 1)));
    }
  }
  return {};
}

std::string errcode_of(std::string_view response) {
  const auto body = nlohmann::json::parse(body_of(response), nullptr, false);
  return body.is_object() ? body.value("errcode", "") : "";
}

}  // namespace lares::http::test
