/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LARES_MODULE_ABI_H
#define LARES_MODULE_ABI_H

/*
 * The values that cross between the host and a module. C11 and C++17.
 *
 * Rules of the whole ABI
 *  - Every struct begins with its size, as the side that fills it was compiled. Structs only grow, at their
 * end; a reader takes a field that lies beyond `struct_size` as zero. Nothing is ever moved or given another
 * meaning.
 *  - Ownership is in the type's name. A `_view` may be read until the call it was passed to returns. An
 * `_owned` belongs to who received it, and goes back through its own `release`, exactly once: nothing is
 * freed across the line.
 *  - Text is UTF-8 with a length, without a terminator. A null `data` is an absent text; a length of 0 is an
 * empty one.
 *  - Every function gets back the user pointer that its owner handed out.
 *  - No exception, no longjmp and no signal handler's exit crosses the line. A module is trusted code of the
 * process it runs in; where that is too much trust, the host runs it in a process of its own.
 *  - Everything that a slot of a capability takes or gives can be sent through a pipe. No slot returns a
 * pointer that outlives the call, and none needs the other side's answer on the same stack.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A module and a host of one major version understand each other; a minor version adds and takes nothing
 * away. */
#define LARES_MODULE_ABI_MAJOR 1u
#define LARES_MODULE_ABI_MINOR 0u

#define LARES_MODULE_EXPORT __attribute__((visibility("default")))

/* Whether the struct behind `pointer` is long enough to have `field`, as its maker was compiled. */
#define LARES_HAS_FIELD(pointer, type, field) \
  ((pointer)->struct_size >= offsetof(type, field) + sizeof(((type*)0)->field))

typedef struct lares_text_view {
  const char* data;
  size_t size;
} lares_text_view;

typedef struct lares_bytes_view {
  const uint8_t* data;
  size_t size;
} lares_bytes_view;

/* Bytes that change hands. The receiver calls `release(user, data, size)` once it has read them, from any
 * thread. */
typedef struct lares_bytes_owned {
  const uint8_t* data;
  size_t size;
  void (*release)(void* user, const uint8_t* data, size_t size);
  void* user;
} lares_bytes_owned;

/* How a call ended. Values are never reused; a reader treats one that it does not know as LARES_FAILED. */
typedef int32_t lares_status;
enum {
  LARES_OK = 0,
  LARES_FAILED = 1,      /* the callee could not do it; the message says why */
  LARES_INVALID = 2,     /* the caller's arguments are wrong */
  LARES_UNSUPPORTED = 3, /* the callee has no such thing */
  LARES_STALE = 4, /* the handle's generation has passed: the call was answered, cancelled, or out of time */
  LARES_CANCELLED = 5, /* the caller asked for no answer any more */
  LARES_LATE = 6,      /* the deadline passed */
  LARES_CONFIG = 7,    /* the administrator has to change the configuration; the message says what */
  LARES_GONE = 8       /* the other side is stopping, or its process has ended */
};

/* A message filled in by the callee, in memory of the caller. Text beyond the end is cut at a character. */
typedef struct lares_error {
  uint32_t struct_size;
  lares_status status;
  uint32_t message_size;
  char message[1024];
} lares_error;

/*
 * Names a thing of the host. `index` is opaque; `generation` is never given twice for one index, so a handle
 * that is held too long is refused with LARES_STALE and can do no harm. Handles are values: copy them, keep
 * them, send them.
 */
typedef struct lares_handle {
  uint64_t index;
  uint64_t generation;
} lares_handle;

/* One answer that is owed. See completion rules in <lares/module/host.h>. */
typedef struct lares_completion {
  lares_handle handle;
} lares_completion;

/* What every asynchronous call begins with. Valid until the call returns; copy `completion` to answer later.
 */
typedef struct lares_call_view {
  uint32_t struct_size;
  uint32_t reserved;
  lares_completion completion;
  /* Milliseconds from now until the caller goes on without an answer. Relative, so that clocks need not
   * agree. */
  uint64_t timeout_ms;
  /* An id of the request for the module's own log lines, without meaning otherwise. */
  lares_text_view request_id;
} lares_call_view;

#ifdef __cplusplus
}
#endif
#endif
