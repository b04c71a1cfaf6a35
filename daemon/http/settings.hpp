// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/log.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace lares::http {

/// What a connection may cost.
struct Limits {
  std::size_t header_bytes = 32U * 1024U;  ///< request line and header fields together
  std::size_t header_fields = 100;
  std::size_t pipelined_bytes = 64U * 1024U;       ///< read ahead while a request is being served
  std::uint64_t body_bytes = 10U * 1024U * 1024U;  ///< where the route says nothing else
  std::uint32_t json_depth = 200;
  std::size_t connections = 20'000;  ///< open at a time, of all listeners together
  std::chrono::milliseconds header_timeout{
      20'000};                                     ///< from a request's first byte, or the connection's begin
  std::chrono::milliseconds body_timeout{30'000};  ///< and a second more for each `minimum_rate` bytes
  std::chrono::milliseconds idle_timeout{75'000};  ///< between requests
  std::chrono::milliseconds write_timeout{30'000};  ///< and a second more for each `minimum_rate` bytes
  std::uint64_t minimum_rate = 8192;                ///< bytes a second that a client must read or send
};

/// What a connection takes over from its listener.
struct ListenerSettings {
  std::string site_tag;                     ///< in the request log: the tag, else port or path
  log::Logger access{"lares.access.http"};  ///< the request log's, asked before a line is put together
  std::string socket_path;  ///< of a unix listener: stands where others have the client's address
  bool x_forwarded = false;
  std::string request_id_header;  ///< empty: requests are numbered
  std::uint32_t resources = 0;    ///< bits of RouterImpl::resource_bit
  std::uint32_t compressed = 0;   ///< those of them whose responses may be compressed
  Limits limits;
};

}  // namespace lares::http
