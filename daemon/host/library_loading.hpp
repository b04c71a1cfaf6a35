// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/dll/shared_library.hpp>

#include <filesystem>
#include <string_view>

namespace lares::host {

/// Throws the StartError "FILE: REASON. REMEDY".
[[noreturn]] void refuse(const std::filesystem::path& file, std::string_view reason, std::string_view remedy);

/// Loads a library whose note was found right, all its symbols at once and for itself alone.
/// **Errors**: StartError with what the dynamic linker missed, in words.
[[nodiscard]] boost::dll::shared_library load_library(const std::filesystem::path& file);

/// Keeps a library loaded until the end of the process: threads, exceptions in flight and vtables may refer
/// to it.
void keep_loaded(boost::dll::shared_library library);

}  // namespace lares::host
