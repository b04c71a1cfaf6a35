/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
/* A module, in C, that wants one call at a time and takes long for each, as none should. */
#include <lares/module/draft/spam_checker.h>
#include <lares/module/module.h>

#include <string.h>
#include <time.h>

static const lares_host* host;
static int inside;

static void say(const char* text) {
  host->log(host->host, LARES_LOG_WARNING, (lares_text_view){text, strlen(text)});
}

static lares_status create(const lares_create_view* view, void** module, lares_error* error) {
  (void)error;
  host = view->host;
  *module = &inside;
  return LARES_OK;
}

static void join(void* module, const lares_call_view* call, const lares_join_view* question) {
  const struct timespec pause = {0, 500 * 1000 * 1000};
  lares_spam_verdict_view verdict;
  (void)module;
  say("asked");
  if (inside++ != 0) {
    say("two at once");
  }
  if (question->user_id.size == 0 || call->timeout_ms > 100) {
    say("a wrong question or time");
  }
  nanosleep(&pause, NULL);
  memset(&verdict, 0, sizeof(verdict));
  verdict.struct_size = sizeof(verdict);
  verdict.decision = LARES_SPAM_ALLOW;
  --inside;
  host->complete(host->host, call->completion, LARES_OK, &verdict, (lares_text_view){NULL, 0});
}

static void cancel(void* module, lares_completion completion) {
  (void)module;
  (void)completion;
  say(inside != 0 ? "two at once" : "cancelled");
}

static const lares_spam_checker checker = {.struct_size = sizeof(lares_spam_checker),
                                           .user_may_join_room = join};

static const void* extension(void* module, const char* id) {
  (void)module;
  return strcmp(id, LARES_SPAM_CHECKER) == 0 ? &checker : NULL;
}

static void destroy(void* module) {
  (void)module;
}

LARES_MODULE_NOTE("blocking", "1");
LARES_MODULE_EXPORT const lares_module_descriptor lares_module_entry = {
    LARES_MODULE_DESCRIPTOR_HEAD, .fingerprint = "C11", .name = "blocking",     .version = "1",
    .flags = LARES_MODULE_SERIAL, .create = create,     .extension = extension, .cancel = cancel,
    .destroy = destroy,
};
