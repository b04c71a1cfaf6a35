// SPDX-License-Identifier: Apache-2.0
#include <host/library_loading.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>
#include <boost/core/demangle.hpp>

#include <string>
#include <utility>
#include <vector>

namespace lares::host {
namespace {

// The dynamic linker says "FILE: undefined symbol: _ZN5lares...", and Boost wraps that once more.
std::string linker_reason(const std::string& what) {
  constexpr std::string_view kUndefined = "undefined symbol: ";
  if (const auto at = what.find(kUndefined); at != std::string::npos) {
    const auto begin = at + kUndefined.size();
    const auto end = what.find_first_of(" ,\n\t)", begin);
    const auto symbol = what.substr(begin, end == std::string::npos ? end : end - begin);
    return fmt::format("it needs \"{}\", which neither Lares nor its libraries have",
                       boost::core::demangle(symbol.c_str()));
  }
  return fmt::format("the dynamic linker refused it: {}", what);
}

}  // namespace

void refuse(const std::filesystem::path& file, std::string_view reason, std::string_view remedy) {
  throw StartError(fmt::format("{}: {}. {}", file.string(), reason, remedy));
}

boost::dll::shared_library load_library(const std::filesystem::path& file) {
  boost::dll::shared_library library;
  try {
    library.load(file, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  } catch (const std::exception& error) {
    refuse(file, linker_reason(error.what()),
           "Install it, the server and the libraries of the same release.");
  }
  return library;
}

void keep_loaded(boost::dll::shared_library library) {
  static auto& libraries = *new std::vector<boost::dll::shared_library>;
  libraries.push_back(std::move(library));
}

}  // namespace lares::host
