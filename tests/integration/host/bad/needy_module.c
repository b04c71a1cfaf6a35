/* SPDX-License-Identifier: Apache-2.0 */
/* A module that cannot do without something that this server has not. */
#include <lares/module/module.h>

static const char* const needs[] = {"lares.future/1", NULL};

static lares_status create(const lares_create_view* view, void** module, lares_error* error) {
  (void)view;
  (void)module;
  (void)error;
  return LARES_OK;
}

static const void* extension(void* module, const char* id) {
  (void)module;
  (void)id;
  return NULL;
}

static void destroy(void* module) {
  (void)module;
}

LARES_MODULE_NOTE("needy_module", "1");
LARES_MODULE_EXPORT const lares_module_descriptor lares_module_entry = {
    .magic = LARES_MODULE_MAGIC,
    .struct_size = sizeof(lares_module_descriptor),
    .abi_major = LARES_MODULE_ABI_MAJOR,
    .abi_minor = LARES_MODULE_ABI_MINOR,
    .tier = LARES_MODULE_TIER,
    .name = "needy_module",
    .version = "1",
    .needs = needs,
    .create = create,
    .extension = extension,
    .destroy = destroy,
};
