/* SPDX-License-Identifier: Apache-2.0 */
/* A module in C, complete: allows whatever it is asked. */
#include <lares/module/abi.h>
#include <lares/module/draft/spam_checker.h>
#include <lares/module/host.h>
#include <lares/module/module.h>

#include <stdlib.h>
#include <string.h>

typedef struct yes {
  const lares_host* host;
} yes;

static lares_status yes_create(const lares_create_view* create, void** module, lares_error* error) {
  yes* self = malloc(sizeof(*self));
  (void)error;
  if (self == NULL) {
    return LARES_FAILED;
  }
  self->host = create->host;
  *module = self;
  return LARES_OK;
}

static void yes_invite(void* module, const lares_call_view* call, const lares_invite_view* invite) {
  const yes* self = module;
  lares_spam_verdict_view verdict;
  lares_text_view none = {NULL, 0};
  (void)invite;
  memset(&verdict, 0, sizeof(verdict));
  verdict.struct_size = sizeof(verdict);
  verdict.decision = LARES_SPAM_ALLOW;
  self->host->complete(self->host->host, call->completion, LARES_OK, &verdict, none);
}

static const lares_spam_checker yes_checker = {.struct_size = sizeof(lares_spam_checker),
                                               .user_may_invite = yes_invite};

static const void* yes_extension(void* module, const char* id) {
  (void)module;
  return strcmp(id, LARES_SPAM_CHECKER) == 0 ? &yes_checker : NULL;
}

static void yes_destroy(void* module) {
  free(module);
}

static const char* const yes_provides[] = {LARES_SPAM_CHECKER, NULL};

LARES_MODULE_NOTE("yes", "1.0");
const lares_module_descriptor lares_module_entry = {
    LARES_MODULE_DESCRIPTOR_HEAD,
    .fingerprint = "C11",
    .name = "yes",
    .version = "1.0",
    .provides = yes_provides,
    .create = yes_create,
    .extension = yes_extension,
    .destroy = yes_destroy,
};
