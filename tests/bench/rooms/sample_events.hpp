// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/crypto/ed25519.hpp>
#include <lares/matrix/event.hpp>

#include <string>

// The events that the benchmarks work on: of the size and shape of an ordinary message with a reply.

namespace lares::bench {

inline crypto::SigningKey sample_key() {
  crypto::Ed25519Seed seed{};
  seed.fill(7);
  return crypto::SigningKey{"a_bench", seed};
}

inline matrix::ServerName sample_server() {
  return *matrix::ServerName::parse("matrix.example.org");
}

/// About 1 KB in federation form with its signature.
inline matrix::EventDraft sample_draft() {
  matrix::EventDraft draft;
  draft.type = "m.room.message";
  draft.sender = "@alice.wonderland:matrix.example.org";
  draft.room_id = "!OGEhHVWSdvArJzumhm:matrix.example.org";
  draft.content =
      R"({"msgtype":"m.text","body":"> <@bob:other.example> Shall we move the meeting to Thursday?\n\nThursday suits me, )"
      R"(though not before ten. I will bring the drawings and the numbers of last month.","format":"org.matrix.custom.html",)"
      R"("formatted_body":"<p>Thursday suits me, though not before <b>ten</b>. I will bring the drawings.</p>",)"
      R"("m.mentions":{"user_ids":["@bob:other.example"]},"m.relates_to":{"m.in_reply_to":)"
      R"({"event_id":"$Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ"}}})";
  draft.origin_server_ts = 1700000000123;
  draft.depth = 48213;
  draft.prev_events.emplace_back("$w2S8bVfVSoXiD7OgH6iRT-xyIuqDnpYQNhcu5BS-UMn");
  draft.auth_events.emplace_back("$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
  draft.auth_events.emplace_back("$bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
  draft.auth_events.emplace_back("$ccccccccccccccccccccccccccccccccccccccccccc");
  return draft;
}

inline matrix::EventPtr sample_event() {
  return *matrix::build_event(sample_draft(), *matrix::find_room_version("11"), sample_server(),
                              sample_key());
}

/// As servers send them: members in the order of somebody's hash table, no white space.
inline std::string as_received(const matrix::Event& event) {
  std::string out{"{"};
  // Every third member first: neither sorted nor reversed.
  for (int start : {2, 0, 1}) {
    int index = 0;
    for (const json::Member& member : event.json().members()) {
      if (index++ % 3 == start) {
        if (out.size() > 1) {
          out += ',';
        }
        out += member.bytes;
      }
    }
  }
  return out + "}";
}

}  // namespace lares::bench
