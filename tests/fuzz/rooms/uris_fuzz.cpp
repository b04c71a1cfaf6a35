// SPDX-License-Identifier: Apache-2.0
#include "../require.hpp"

#include <lares/json/scanner.hpp>
#include <lares/matrix/identifiers.hpp>
#include <lares/matrix/server_acl.hpp>
#include <lares/matrix/third_party_id.hpp>
#include <lares/matrix/uris.hpp>

#include <cstdint>
#include <string>
#include <string_view>

/// A link, a third-party identifier; or a server's name, and in the next line the content of an
/// m.room.server_acl. What was read and written is read as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lares;
  using namespace lares::matrix;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto uri = MxcUri::parse(text)) {
    require(uri->text() == text);
    require(uri->media_id.find_first_of("/.%") == std::string::npos);
  }
  if (const auto uri = MatrixUri::parse(text)) {
    require(uri->via.size() <= MatrixUri::kMaxVia);
    const std::string scheme = uri->scheme_text();
    if (scheme.size() <= MatrixUri::kMaxBytes) {
      require(MatrixUri::parse(scheme) == uri);
    }
    auto quiet = *uri;
    quiet.action = MatrixUriAction::kNone;
    const std::string matrix_to = uri->matrix_to_text();
    if (matrix_to.size() <= MatrixUri::kMaxBytes) {
      require(MatrixUri::parse(matrix_to) == quiet);
    }
  }
  if (const auto email = canonical_email(text)) {
    require(email->size() > 500 || canonical_email(*email) == email);
  }
  if (const auto number = canonical_msisdn(text)) {
    require(canonical_msisdn(*number) == number);
  }
  require(fold_case(fold_case(text)) == fold_case(text));

  const std::string_view server = text.substr(0, text.find('\n'));
  if (server.size() < text.size()) {
    const std::string_view content = text.substr(server.size() + 1);
    if (json::scan(content, {.numbers = json::Numbers::kAny, .max_depth = 100, .require_object = true})) {
      const ServerAcl acl{json::Value{content}};
      const bool allowed = acl.allows(server);
      require(!allowed || ServerName::valid(server));
      if (const auto name = ServerName::parse(server)) {
        // Ports and case make no difference.
        require(acl.allows(name->host()) == allowed);
        require(acl.allows(fold_case(server)) == allowed);
      }
    }
  }
  return 0;
}
