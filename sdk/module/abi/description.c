/* SPDX-License-Identifier: Apache-2.0 */
/* One object of each type that crosses between host and module, so that a description of the ABI can be made
 * from the debugging information. Compiled by packaging/checks/abi.py alone. A capability that leaves draft/
 * gets its line here. */
#include <lares/module/abi.h>
#include <lares/module/host.h>
#include <lares/module/module.h>

LARES_MODULE_EXPORT lares_text_view text_view;
LARES_MODULE_EXPORT lares_bytes_view bytes_view;
LARES_MODULE_EXPORT lares_bytes_owned bytes_owned;
LARES_MODULE_EXPORT lares_status status;
LARES_MODULE_EXPORT lares_error* error;
LARES_MODULE_EXPORT lares_handle handle;
LARES_MODULE_EXPORT lares_completion completion;
LARES_MODULE_EXPORT lares_call_view* call_view;
LARES_MODULE_EXPORT lares_host* host;
LARES_MODULE_EXPORT lares_create_view* create_view;
LARES_MODULE_EXPORT lares_saved_state_view* saved_state_view;
LARES_MODULE_EXPORT lares_module_descriptor* module_descriptor;
