// SPDX-License-Identifier: Apache-2.0
#include <ctl/proxy_config.hpp>

#include <fmt/format.h>

#include <string_view>

namespace lares::ctl {

namespace {

// "/rooms/{roomId}/x" as a regular expression; what stands in braces takes one segment, or with a star the
// rest.
std::string expression_of(std::string_view pattern) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '{') {
      const std::size_t end = pattern.find('}', i);
      out += pattern[end - 1] == '*' ? ".*" : "[^/?]+";
      i = end;
    } else {
      if (std::string_view{".+*?()[]^$|\\"}.contains(pattern[i])) {
        out += '\\';
      }
      out += pattern[i];
    }
  }
  return out;
}

bool only_reads(const http::Route& route) {
  return route.method == http::Method::Get && route.options.resource == "client" &&
         (route.access == http::Access::User || route.access == http::Access::Guest);
}

// An address as one word of the configuration: the path of a socket may have blanks.
std::string word(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + '"';
}

void add_upstream(std::string& out, std::string_view name, const std::vector<std::string>& servers,
                  std::string_view balance) {
  out += fmt::format("upstream {} {{\n", name);
  if (servers.size() > 1) {
    out += fmt::format("  {};\n", balance);
  }
  for (const std::string& server : servers) {
    // A process that is being started again is tried each time; nothing else could do its part.
    out += fmt::format("  server {} max_fails=0;\n", word(server));
  }
  out += "  keepalive 64;\n}\n";
}

}  // namespace

std::string nginx_config(const std::vector<http::Route>& routes, const ProxySite& site) {
  const std::vector<std::string>& readers = site.readers.empty() ? std::vector{site.main} : site.readers;
  std::string out = "# Made by `laresctl proxy nginx` from the routes of the server.\n";
  out +=
      "map $http_authorization $lares_login {\n  default $http_authorization;\n  \"\" "
      "$arg_access_token;\n}\n";
  add_upstream(out, "lares_main", {site.main}, "least_conn");
  add_upstream(out, "lares_readers", readers, "least_conn");
  add_upstream(out, "lares_sync", readers, "hash $lares_login consistent");
  out += "map \"$request_method $request_uri\" $lares_processes {\n  default lares_main;\n";
  for (const http::Route& route : routes) {
    if (!only_reads(route)) {
      continue;
    }
    for (const std::string& pattern : route.patterns) {
      out += fmt::format("  \"~^(GET|HEAD) {}([?]|$)\" {};\n", expression_of(pattern),
                         route.options.shard == "user" ? "lares_sync" : "lares_readers");
    }
  }
  out += "}\n";
  out += fmt::format(
      "server {{\n"
      "  listen {} backlog=4096;\n"
      "  client_max_body_size {};\n"
      "  location / {{\n"
      "    proxy_pass http://$lares_processes;\n"
      "    proxy_http_version 1.1;\n"
      "    proxy_set_header Connection \"\";\n"
      "    proxy_set_header Host $host;\n"
      "    proxy_set_header X-Forwarded-For $remote_addr;\n"
      "    proxy_set_header X-Forwarded-Proto $scheme;\n"
      "    # Longer than any /sync waits.\n"
      "    proxy_read_timeout 180s;\n"
      "    # What was not answered may have been done; the client decides whether to ask again.\n"
      "    proxy_next_upstream off;\n"
      "  }}\n"
      "}}\n",
      word(site.listen), site.largest_body);
  return out;
}

}  // namespace lares::ctl
