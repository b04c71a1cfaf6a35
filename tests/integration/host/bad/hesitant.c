/* SPDX-License-Identifier: Apache-2.0 */
/* A module, in C, that does not answer `save`, and looks up what is cancelled by its handle. */
#include <lares/module/module.h>

#include <stddef.h>
#include <string.h>

static const lares_host* host;
static lares_completion kept;

static void say(const char* text) {
  host->log(host->host, LARES_LOG_WARNING, (lares_text_view){text, strlen(text)});
}

static lares_status create(const lares_create_view* view, void** module, lares_error* error) {
  (void)error;
  host = view->host;
  *module = &kept;
  return LARES_OK;
}

static const void* extension(void* module, const char* id) {
  (void)module;
  (void)id;
  return NULL;
}

static void cancel(void* module, lares_completion completion) {
  (void)module;
  if (completion.handle.index != kept.handle.index ||
      completion.handle.generation != kept.handle.generation) {
    say("what was not kept is cancelled");
    return;
  }
  say("what was kept is cancelled");
}

static void save(void* module, const lares_call_view* call) {
  (void)module;
  kept = call->completion;
  say("it is kept");
}

static void stop(void* module, const lares_call_view* call) {
  (void)module;
  host->complete(host->host, call->completion, LARES_OK, NULL, (lares_text_view){NULL, 0});
}

static void destroy(void* module) {
  (void)module;
}

LARES_MODULE_NOTE("hesitant", "1");
LARES_MODULE_EXPORT const lares_module_descriptor lares_module_entry = {
    LARES_MODULE_DESCRIPTOR_HEAD,
    .fingerprint = "C11",
    .name = "hesitant",
    .version = "1",
    .create = create,
    .extension = extension,
    .cancel = cancel,
    .save = save,
    .stop = stop,
    .destroy = destroy,
};
