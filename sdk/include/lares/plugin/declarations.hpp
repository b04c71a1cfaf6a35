// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/plugin/config.hpp>

#include <string>
#include <vector>

namespace lares::storage {
struct Schema;
}

namespace lares {

/// Collects what plugins declare about themselves before any server exists: from it come the configuration
/// checker, the reference documentation, migrations, purge and erasure.
///
/// **Threads**: one, during start.
class LARES_EXPORT Declarations {
 public:
  virtual ~Declarations();

  /// Declares a configuration key. Two plugins may declare the same key if the declarations are equal.
  virtual void config(ConfigKey key) = 0;

  /// Declares this plugin's tables and the migrations that make them (see lares/storage/table.hpp).
  virtual void schema(storage::Schema schema) = 0;
};

}  // namespace lares
