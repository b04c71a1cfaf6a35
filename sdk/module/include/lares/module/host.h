/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LARES_MODULE_HOST_H
#define LARES_MODULE_HOST_H

#include <lares/module/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LARES_LOG_DEBUG = 10, LARES_LOG_INFO = 20, LARES_LOG_WARNING = 30, LARES_LOG_ERROR = 40 };

/*
 * What the host offers to one instance of a module. Valid from `create` until `destroy` has returned.
 *
 * Completion rules, the same in both directions
 *  1. Who is called answers each call exactly once, from any thread, during the call or after it returned.
 *  2. The first of answer, deadline and cancellation decides; the caller has gone on when one of them has
 * happened. What comes later is refused with LARES_STALE and otherwise without effect. So there is exactly
 * one completion, whoever loses the race, and the callee need not know who did.
 *  3. A cancelled call is still answered (rule 1); LARES_CANCELLED without a value is enough.
 *  4. An answer that is refused is not repeated.
 *
 * Rationale: a caller that waits for a callee's farewell can be held up by it; a callee that must find out
 * whether it is still in time has a race of its own. With a generation in the handle neither is needed.
 */
typedef struct lares_host {
  uint32_t struct_size;
  uint32_t abi_minor;
  /* First argument of every function below. */
  void* host;
  /* This instance. Its generation grows each time the module is created anew. */
  lares_handle instance;

  /* [any thread] Writes a line to the server's log, in the name of this module. Never blocks; may drop lines
   * under pressure, and counts them. No secrets. */
  void (*log)(void* host, int32_t level, lares_text_view message);

  /* [any thread] Answers a call. `value` is the struct that the slot's comment names, or null where `status`
   * is not LARES_OK; `message` explains a failure. Both are copied before this returns. Returns LARES_OK if
   * this answer was the first, LARES_STALE if not. */
  lares_status (*complete)(void* host, lares_completion completion, lares_status status, const void* value,
                           lares_text_view message);

  /* [any thread] Milliseconds since the epoch, as the server counts them. */
  int64_t (*now_ms)(void* host);

  /* [any thread] A capability of the host by its versioned id: a table that begins with its size and lives as
   * long as this one; null if this host has it not. Ids that a module cannot do without stand in its
   * descriptor's `needs`. */
  const void* (*extension)(void* host, const char* id);
} lares_host;

#ifdef __cplusplus
}
#endif
#endif
