/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LARES_MODULE_DRAFT_SPAM_CHECKER_H
#define LARES_MODULE_DRAFT_SPAM_CHECKER_H

#include <lares/module/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * lares.spam-checker/1: says no to what users do. A draft: it may change until it leaves this folder.
 *
 * Several modules: they are asked in the order of the configuration, and the first that denies decides. A
 * module that allows has no opinion; the server's own rules (power levels, bans, rate limits) hold in any
 * case.
 *
 * A late or failed answer:
 * - check_event_for_spam: allows. A checker that is down must not end every conversation.
 * - user_may_join_room: allows. The same.
 * - user_may_invite: denies. What reaches out to strangers can be tried again, so a guard that is down keeps
 *   its door shut.
 * - user_may_create_room: denies. The same.
 *
 * The host logs it and counts it per module and slot. A late denial is no answer: it changes nothing
 * afterwards.
 */
#define LARES_SPAM_CHECKER "lares.spam-checker/1"

enum { LARES_SPAM_ALLOW = 0, LARES_SPAM_DENY = 1 };

/* The value that completes every slot below. */
typedef struct lares_spam_verdict_view {
  uint32_t struct_size;
  uint32_t decision; /* LARES_SPAM_ALLOW, LARES_SPAM_DENY */
  /* Where denied: the Matrix error code for the client; absent for M_FORBIDDEN. */
  lares_text_view errcode;
  /* Where denied: what the client may show; absent for a general sentence. */
  lares_text_view message;
  /* Where denied: a JSON object whose keys are added to the error, except errcode and error; absent for none.
   */
  lares_text_view extra_fields;
} lares_spam_verdict_view;

/* An event as its sender says it, and where it says what. Texts are plain, without JSON's escapes.
 *
 * `json` is canonical and holds content, origin_server_ts, sender, type, and where the event has them
 * room_id, state_key and redacts. It is not the event that will be stored: that one gets its place in the
 * room's graph (prev_events, auth_events, depth), its hash and its signature after modules were asked, and
 * its id follows from these. */
typedef struct lares_event_view {
  uint32_t struct_size;
  uint32_t reserved;
  lares_text_view json;
  lares_text_view room_version;
  lares_text_view event_id; /* absent for an event of a local user, which has none yet */
  lares_text_view room_id;  /* absent for what a new room begins with, which has none yet */
  lares_text_view type;
  lares_text_view sender;
  lares_text_view state_key; /* absent where the event is no state event */
  lares_text_view content;   /* the canonical JSON of `content`, a part of `json` */
  int64_t origin_server_ts;  /* when the module is asked; the stored event's may be a little later */
} lares_event_view;

typedef struct lares_invite_view {
  uint32_t struct_size;
  uint32_t federated; /* 1 if the invite came from another server */
  lares_text_view inviter;
  lares_text_view invitee;
  lares_text_view room_id; /* absent for one that a new room is made with, which has none yet */
} lares_invite_view;

typedef struct lares_join_view {
  uint32_t struct_size;
  uint32_t invited; /* 1 if the user holds an invite to the room */
  lares_text_view user_id;
  lares_text_view room_id;
} lares_join_view;

typedef struct lares_create_room_view {
  uint32_t struct_size;
  uint32_t reserved;
  lares_text_view user_id;
  /* The body of createRoom as JSON; for an upgrade, one that would make the new room: room_version,
   * creation_content and initial_state. */
  lares_text_view request;
} lares_create_room_view;

/* A slot may be null: the module has no opinion. Each call is completed with lares_spam_verdict_view. A slot
 * returns at once, on a loop that serves others too; what takes longer than a millisecond is answered from a
 * thread of the module's. */
typedef struct lares_spam_checker {
  uint32_t struct_size;
  uint32_t reserved;

  /* [any thread] An event of a local user before it is sent, by whatever endpoint: messages, state,
   * redactions, memberships, and what a client gives a new room to begin with. Not asked for events that the
   * server makes by itself, nor again where a client repeats a transaction that has been carried out. */
  void (*check_event_for_spam)(void* module, const lares_call_view* call, const lares_event_view* event);

  /* [any thread] An invite by a local user, or to one. Of a new room's invites each is asked about before the
   * room is made: one that is denied keeps it from being made. */
  void (*user_may_invite)(void* module, const lares_call_view* call, const lares_invite_view* invite);

  /* [any thread] A local user joins a room; not asked for the creator of a room, nor where an administrator
   * joins a user. */
  void (*user_may_join_room)(void* module, const lares_call_view* call, const lares_join_view* join);

  /* [any thread] A local user creates or upgrades a room. */
  void (*user_may_create_room)(void* module, const lares_call_view* call, const lares_create_room_view* room);
} lares_spam_checker;

#ifdef __cplusplus
}
#endif
#endif
