// SPDX-License-Identifier: Apache-2.0
#include <lares/http/method.hpp>

namespace lares::http {

std::string_view to_string(Method method) noexcept {
  switch (method) {
    case Method::Get:
      return "GET";
    case Method::Put:
      return "PUT";
    case Method::Post:
      return "POST";
    case Method::Delete:
      return "DELETE";
    case Method::Patch:
      return "PATCH";
  }
  return "GET";
}

}  // namespace lares::http
