/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
/* A module, in C, that breaks the rules of completion in every way that the host has to live with. What it
 * does is named by the invitee. */
#include <lares/module/draft/spam_checker.h>
#include <lares/module/module.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct late_answer {
  lares_completion completion;
} late_answer;

static const lares_host* host;
static pthread_t thread;
static int threads;
static late_answer late;

static lares_status deny(lares_completion completion) {
  lares_spam_verdict_view verdict;
  memset(&verdict, 0, sizeof(verdict));
  verdict.struct_size = sizeof(verdict);
  verdict.decision = LARES_SPAM_DENY;
  return host->complete(host->host, completion, LARES_OK, &verdict, (lares_text_view){NULL, 0});
}

static void say(const char* text) {
  host->log(host->host, LARES_LOG_WARNING, (lares_text_view){text, strlen(text)});
}

static void* answer_late(void* unused) {
  const struct timespec pause = {0, 400 * 1000 * 1000};
  (void)unused;
  nanosleep(&pause, NULL);
  say(deny(late.completion) == LARES_STALE ? "late was stale" : "late counted");
  return NULL;
}

static lares_status create(const lares_create_view* view, void** module, lares_error* error) {
  (void)error;
  host = view->host;
  *module = &late;
  return LARES_OK;
}

static void invite(void* module, const lares_call_view* call, const lares_invite_view* question) {
  const char what = question->invitee.data[0];
  lares_spam_verdict_view garbage;
  (void)module;
  memset(&garbage, 0, sizeof(garbage));
  if (what == 't') { /* twice */
    deny(call->completion);
    say(deny(call->completion) == LARES_STALE ? "second was stale" : "second counted");
  } else if (what == 'l') { /* late, from another thread */
    late.completion = call->completion;
    threads = pthread_create(&thread, NULL, answer_late, NULL) == 0;
  } else if (what == 'g') { /* a struct without size */
    host->complete(host->host, call->completion, LARES_OK, &garbage, (lares_text_view){NULL, 0});
  } else if (what == 'e') { /* nothing behind the pointer */
    host->complete(host->host, call->completion, LARES_OK, NULL, (lares_text_view){NULL, 0});
  } else if (what == 'f') { /* a handle that nobody gave */
    lares_completion other = {{12345, 67890}};
    deny(other);
    deny(call->completion);
  } else if (what == 's' && getenv("LARES_TEST_SECRET") != NULL) { /* secrets of the server */
    deny(call->completion);
  } /* n: never */
}

static void stop(void* module, const lares_call_view* call) {
  (void)module;
  if (threads) {
    pthread_join(thread, NULL);
    threads = 0; /* the library may stay where it is, for the next module of it */
  }
  host->complete(host->host, call->completion, LARES_OK, NULL, (lares_text_view){NULL, 0});
}

static void save(void* module, const lares_call_view* call) {
  static uint8_t much[(16u << 20) + 1];
  lares_saved_state_view saved;
  (void)module;
  memset(&saved, 0, sizeof(saved));
  saved.struct_size = sizeof(saved);
  saved.state = (lares_bytes_view){much, sizeof(much)};
  host->complete(host->host, call->completion, LARES_OK, &saved, (lares_text_view){NULL, 0});
}

/* As if built when the table had no more slots. */
static const lares_spam_checker checker = {.struct_size = offsetof(lares_spam_checker, user_may_join_room),
                                           .user_may_invite = invite};

static const void* extension(void* module, const char* id) {
  (void)module;
  return strcmp(id, LARES_SPAM_CHECKER) == 0 ? &checker : NULL;
}

static void destroy(void* module) {
  (void)module;
}

LARES_MODULE_NOTE("contrary", "1");
LARES_MODULE_EXPORT const lares_module_descriptor lares_module_entry = {
    LARES_MODULE_DESCRIPTOR_HEAD,
    .fingerprint = "C11",
    .name = "contrary",
    .version = "1",
    .create = create,
    .extension = extension,
    .save = save,
    .stop = stop,
    .destroy = destroy,
};
