// SPDX-License-Identifier: Apache-2.0
// The bare program: what one loop, one JSON library, two hashes, one signature and one durable commit cost,
// with nothing of a homeserver around them. Benchmarks are given as a share of what it does in the same run
// on the same machine.
//
//   bench_bare FOLDER     serves on a free port of 127.0.0.1, and prints it
//
// A GET is answered at once. A PUT is a send: parse the content, build an event, hash, sign, hash, hand it to
// the one SQLite thread, which commits what is queued as a group with synchronous=FULL; the answer goes out
// after the commit.

#include <sodium.h>
#include <sqlite3.h>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

void check(int code, sqlite3* db) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
    throw std::runtime_error(sqlite3_errmsg(db));
  }
}

/// The one thread that writes. Everything that waits when it comes round is one transaction.
class Store {
 public:
  Store(asio::io_context& loop, const std::string& folder) : loop_{loop} {
    check(sqlite3_open((folder + "/bare.db").c_str(), &db_), db_);
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, event_id TEXT, bytes BLOB)");
    check(
        sqlite3_prepare_v2(db_, "INSERT INTO events (event_id, bytes) VALUES (?, ?)", -1, &insert_, nullptr),
        db_);
    check(sqlite3_prepare_v2(db_, "BEGIN", -1, &begin_, nullptr), db_);
    check(sqlite3_prepare_v2(db_, "COMMIT", -1, &commit_, nullptr), db_);
    thread_ = std::thread{[this] { write_groups(); }};
  }

  ~Store() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    for (auto* statement : {insert_, begin_, commit_}) {
      sqlite3_finalize(statement);
    }
    sqlite3_close(db_);
  }

  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Completes on the loop once the event is durable.
  asio::awaitable<void> add(std::string event_id, std::string bytes) {
    return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [this](auto handler, std::string id, std::string text) {
          // std::function copies, the handler only moves.
          auto held = std::make_shared<decltype(handler)>(std::move(handler));
          {
            const std::lock_guard lock{mutex_};
            waiting_.push_back({std::move(id), std::move(text), [held] { std::move (*held)(); }});
          }
          wake_.notify_one();
        },
        asio::use_awaitable, std::move(event_id), std::move(bytes));
  }

 private:
  struct Entry {
    std::string event_id;
    std::string bytes;
    std::function<void()> done;
  };

  void run(const char* sql) { check(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr), db_); }

  void step(sqlite3_stmt* statement) {
    check(sqlite3_step(statement), db_);
    sqlite3_reset(statement);
  }

  void write_groups() {
    for (;;) {
      std::vector<Entry> group;
      {
        std::unique_lock lock{mutex_};
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) {
          return;
        }
        group.swap(waiting_);
      }
      step(begin_);
      for (const auto& entry : group) {
        sqlite3_bind_text(insert_, 1, entry.event_id.data(), static_cast<int>(entry.event_id.size()),
                          SQLITE_STATIC);
        sqlite3_bind_blob(insert_, 2, entry.bytes.data(), static_cast<int>(entry.bytes.size()),
                          SQLITE_STATIC);
        step(insert_);
      }
      step(commit_);
      asio::post(loop_, [group = std::move(group)] {
        for (const auto& entry : group) {
          entry.done();
        }
      });
    }
  }

  asio::io_context& loop_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Entry> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

class Signer {
 public:
  Signer() { crypto_sign_keypair(public_.data(), secret_.data()); }

  /// Base64 without padding of the Ed25519 signature.
  [[nodiscard]] std::string sign(const std::string& text) const {
    std::array<unsigned char, crypto_sign_BYTES> signature{};
    crypto_sign_detached(signature.data(), nullptr, bytes(text), text.size(), secret_.data());
    return base64(signature.data(), signature.size());
  }

  [[nodiscard]] static std::string sha256(const std::string& text) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
    crypto_hash_sha256(digest.data(), bytes(text), text.size());
    return base64(digest.data(), digest.size());
  }

 private:
  static const unsigned char* bytes(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  }

  static std::string base64(const unsigned char* data, std::size_t size) {
    constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    std::string text(sodium_base64_encoded_len(size, kVariant), '\0');
    sodium_bin2base64(text.data(), text.size(), data, size, kVariant);
    text.pop_back();
    return text;
  }

  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> public_{};
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret_{};
};

/// An event as a room of version 11 has it, signed.
std::pair<std::string, std::string> build_event(const Signer& signer, nlohmann::json content,
                                                std::int64_t depth) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  nlohmann::json event = {
      {"type", "m.room.message"},
      {"room_id", "!aaaaaaaaaaaaaaaaaa:bare.test"},
      {"sender", "@sender:bare.test"},
      {"origin_server_ts", now.count()},
      {"depth", depth},
      {"content", std::move(content)},
      {"prev_events", {"$bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}},
      {"auth_events",
       {"$ccccccccccccccccccccccccccccccccccccccccccc", "$ddddddddddddddddddddddddddddddddddddddddddd",
        "$eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"}},
  };
  event["hashes"] = {{"sha256", Signer::sha256(event.dump())}};
  const std::string signable = event.dump();
  event["signatures"] = {{"bare.test", {{"ed25519:1", signer.sign(signable)}}}};
  return {"$" + Signer::sha256(signable), event.dump()};
}

asio::awaitable<void> serve(tcp::socket socket, Store& store, const Signer& signer, std::int64_t& depth) {
  socket.set_option(tcp::no_delay{true});
  boost::beast::flat_buffer buffer;
  try {
    for (;;) {
      http::request<http::string_body> request;
      co_await http::async_read(socket, buffer, request, asio::use_awaitable);
      http::response<http::string_body> response{http::status::ok, request.version()};
      response.set(http::field::content_type, "application/json");
      response.keep_alive(request.keep_alive());
      if (request.method() == http::verb::put) {
        auto content = nlohmann::json::parse(request.body());
        auto [event_id, bytes] = build_event(signer, std::move(content), ++depth);
        response.body() = "{\"event_id\":\"" + event_id + "\"}";
        co_await store.add(std::move(event_id), std::move(bytes));
      } else {
        response.body() =
            R"({"versions":["v1.1","v1.2","v1.3","v1.4","v1.5","v1.6","v1.7","v1.8","v1.9","v1.10"]})";
      }
      response.prepare_payload();
      co_await http::async_write(socket, response, asio::use_awaitable);
      if (!response.keep_alive()) {
        co_return;
      }
    }
  } catch (const std::exception&) {
    // The peer has gone or speaks something else: the connection is over, whatever it was.
  }
}

asio::awaitable<void> listen(tcp::acceptor& acceptor, Store& store, const Signer& signer,
                             std::int64_t& depth) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), store, signer, depth), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_bare FOLDER\n");
    return 64;
  }
  if (sodium_init() < 0) {
    throw std::runtime_error("libsodium does not start");
  }
  asio::io_context loop{1};
  Store store{loop, argv[1]};
  const Signer signer;
  std::int64_t depth = 0;
  tcp::acceptor acceptor{loop, {asio::ip::address_v4::loopback(), 0}};
  std::printf("%d\n", static_cast<int>(acceptor.local_endpoint().port()));
  std::fflush(stdout);
  asio::signal_set signals{loop, SIGINT, SIGTERM};
  signals.async_wait([&loop](const boost::system::error_code&, int) { loop.stop(); });
  asio::co_spawn(loop, listen(acceptor, store, signer, depth), asio::detached);
  loop.run();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_bare: %s\n", error.what());
  return 1;
}
