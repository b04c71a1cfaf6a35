// SPDX-License-Identifier: Apache-2.0
// The wrapper as C++17 sees it.
#include <lares/module/json.hpp>
#include <lares/module/module.hpp>

namespace {

class Nothing {
 public:
  Nothing(lares::module::Host, const lares::module::Create&) {}
};

}  // namespace

// A module without a single slot is one too.
extern const lares_module_descriptor nothing_descriptor;
const lares_module_descriptor nothing_descriptor =
    lares::module::detail::Binding<Nothing>::descriptor("nothing", "1", 0);
