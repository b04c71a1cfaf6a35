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
    LARES_MODULE_DESCRIPTOR_HEAD, .name = "needy_module", .version = "1", .needs = needs, .create = create,
    .extension = extension,       .destroy = destroy,
};
