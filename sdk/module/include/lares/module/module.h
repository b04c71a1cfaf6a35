/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LARES_MODULE_MODULE_H
#define LARES_MODULE_MODULE_H

#include <lares/module/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "LARESMOD" read as little-endian. */
#define LARES_MODULE_MAGIC UINT64_C(0x444F4D534552414C)
/* The second tier; the first is that of the server's own plugins, which speak another language. */
#define LARES_MODULE_TIER 2u

enum {
  /* After `destroy` nothing of the library is in use: no thread, no thread-local with a destructor, no atexit
   * handler. The host may then close the file, and open a newer one in its place. Without it the file stays
   * until the process ends. */
  LARES_MODULE_MAY_CLOSE = 1u << 0,
  /* The host makes one call at a time into an instance. Without it, calls come from several threads at once.
   */
  LARES_MODULE_SERIAL = 1u << 1
};

/* What an instance is made from. [during create] */
typedef struct lares_create_view {
  uint32_t struct_size;
  uint32_t reserved;
  /* Lives until `destroy` has returned, unlike everything else here. */
  const lares_host* host;
  /* The name behind the colon of this server's users. */
  lares_text_view server_name;
  /* The name of this process among the server's: "master", "event_persister1". */
  lares_text_view instance_name;
  /* The `config` section of this module as a JSON object; {} if there is none. */
  lares_text_view config;
  /* What `save` of the instance before gave, with the version that it named; absent at the first start. */
  lares_bytes_view saved_state;
  uint64_t saved_state_version;
} lares_create_view;

/* The value that completes `save`. */
typedef struct lares_saved_state_view {
  uint32_t struct_size;
  uint32_t reserved;
  /* The module's own; it is given back with the state and means nothing to the host. */
  uint64_t version;
  /* At most 16 MiB. */
  lares_bytes_view state;
} lares_saved_state_view;

/*
 * The one symbol that a module exports, as data. Everything up to `create` is compared before code of the
 * file runs. The order of calls to one instance: create, (capabilities, cancel, save)*, stop, destroy.
 */
typedef struct lares_module_descriptor {
  uint64_t magic;          /* LARES_MODULE_MAGIC */
  uint32_t struct_size;    /* sizeof(lares_module_descriptor) */
  uint32_t abi_major;      /* LARES_MODULE_ABI_MAJOR */
  uint32_t abi_minor;      /* LARES_MODULE_ABI_MINOR */
  uint32_t tier;           /* LARES_MODULE_TIER */
  const char* fingerprint; /* what built it, as legible text; for logs, not compared */
  const char* name;        /* the file's name without `.so`, and the module's name in every message */
  const char* version;
  const char* const* provides; /* capability ids it may offer, ended by a null pointer; null for none */
  const char* const* needs;    /* host capability ids without which it does not start */
  const char* const* uses;     /* host capability ids that may be absent */
  uint64_t flags;              /* LARES_MODULE_MAY_CLOSE, LARES_MODULE_SERIAL */

  /* [one thread] Makes an instance and stores its user pointer, which every call below and every slot begins
   * with. Checks its configuration. Does no I/O and calls nothing of the host but `log` and `now_ms`. On
   * anything but LARES_OK no instance exists, and `error` tells the administrator why. */
  lares_status (*create)(const lares_create_view* create, void** module, lares_error* error);

  /* [one thread] The table of a capability in `provides`, static storage of the library, or null. Asked once
   * per instance after `create`, so that the answer may depend on the configuration. */
  const void* (*extension)(void* module, const char* id);

  /* [any thread] The caller of this completion waits no more. May come after the answer, and for one that was
   * never seen. May be null. */
  void (*cancel)(void* module, lares_completion completion);

  /* [any thread] Completed with lares_saved_state_view: what the next generation should begin with. May be
   * null. */
  void (*save)(void* module, const lares_call_view* call);

  /* [any thread] No call comes after this one but `cancel` and `destroy`. Completed, without a value, once
   * every call is answered and every thread of the instance has ended. May be null, if nothing has to be
   * waited for. */
  void (*stop)(void* module, const lares_call_view* call);

  /* [one thread] Frees the instance. Called once, after `stop` was completed; an instance of which nothing
   * was ever asked may be destroyed without `stop`. One whose `stop` was late or failed is not destroyed
   * but left, since its threads may still run. */
  void (*destroy)(void* module);
} lares_module_descriptor;

/* What a descriptor has at least: its size in ABI 1.0. A host of a later minor version takes a module of an
 * earlier one, and reads what lies beyond `struct_size` as zero. */
#define LARES_MODULE_DESCRIPTOR_SIZE_1_0 \
  (offsetof(lares_module_descriptor, destroy) + sizeof(((lares_module_descriptor*)0)->destroy))

/* What every descriptor begins with, as this header has it. */
#define LARES_MODULE_DESCRIPTOR_HEAD                                           \
  .magic = LARES_MODULE_MAGIC, .struct_size = sizeof(lares_module_descriptor), \
  .abi_major = LARES_MODULE_ABI_MAJOR, .abi_minor = LARES_MODULE_ABI_MINOR, .tier = LARES_MODULE_TIER

/* The name of the exported symbol:
 *     LARES_MODULE_EXPORT const lares_module_descriptor lares_module_entry = {
 *         LARES_MODULE_DESCRIPTOR_HEAD, .name = "example", ...}; */
#define LARES_MODULE_DESCRIPTOR_SYMBOL "lares_module_entry"

/* Nothing refers to the note, so a linker that drops what is unused (--gc-sections) would drop it. */
#if defined(__has_attribute)
#if __has_attribute(retain)
#define LARES_MODULE_RETAIN_ , retain
#endif
#endif
#ifndef LARES_MODULE_RETAIN_
#define LARES_MODULE_RETAIN_
#endif

/*
 * Beside the symbol, a module carries a note: the same texts, readable without loading the file. Write it
 * once, at file scope, with string literals. `readelf -p .lares.plugin FILE` shows it.
 */
#define LARES_MODULE_NOTE(name_literal, version_literal)                             \
  __attribute__((section(".lares.plugin"),                                           \
                 used LARES_MODULE_RETAIN_)) static const char lares_module_note[] = \
      "LARES-PLUGIN 1\ntier=module\nabi=1\nname=" name_literal "\nversion=" version_literal "\n"

#ifdef __cplusplus
}
#endif
#endif
