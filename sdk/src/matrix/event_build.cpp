// SPDX-License-Identifier: Apache-2.0
#include "event_access.hpp"
#include "redaction.hpp"

#include <lares/crypto/base64.hpp>
#include <lares/json/canonical.hpp>
#include <lares/json/writer.hpp>
#include <lares/matrix/event.hpp>

#include <array>
#include <functional>
#include <utility>

namespace lares::matrix {

namespace {

std::unexpected<EventError> json_fault(const json::Error& error) {
  return std::unexpected(
      EventError{error.code == json::ErrorCode::kTooLarge ? EventErrorCode::kTooLarge : EventErrorCode::kJson,
                 {},
                 error});
}

/// An object with some members set: `set` in the order of names, whose values are written by functions. A
/// member that the object has already is replaced.
struct MemberToSet {
  std::string_view name;
  std::function<void(json::Writer&)> write;
};

void write_with_members(std::string& out, const std::vector<json::Member>& members,
                        const std::vector<MemberToSet>& set) {
  json::Writer writer{out};
  writer.begin_object();
  auto next = set.begin();
  std::string scratch;
  for (const json::Member& member : members) {
    const std::string_view name = member.key.text(scratch);
    while (next != set.end() && next->name < name) {
      writer.key(next->name);
      next->write(writer);
      ++next;
    }
    if (next != set.end() && next->name == name) {
      writer.key(next->name);
      next->write(writer);
      ++next;
      continue;
    }
    writer.raw_member(member.bytes);
  }
  for (; next != set.end(); ++next) {
    writer.key(next->name);
    next->write(writer);
  }
  writer.end_object();
}

/// Puts a signature into `signatures`, which may be missing.
void write_signatures(json::Writer& writer, const json::Value& signatures, std::string_view server,
                      std::string_view key_id, const crypto::Ed25519Signature& signature) {
  std::string of_server;
  const std::string encoded = crypto::base64_encode(signature);
  write_with_members(of_server, detail::top_level(signatures[server].bytes()),
                     {{key_id, [&](json::Writer& inner) { inner.value(encoded); }}});
  std::string all;
  write_with_members(all, detail::top_level(signatures.bytes()),
                     {{server, [&](json::Writer& inner) { inner.raw(of_server); }}});
  writer.raw(all);
}

std::string_view type_of(const std::vector<json::Member>& members, std::string& scratch) {
  for (const json::Member& member : members) {
    if (member.key.equals("type")) {
      if (const auto text = member.value.as_string()) {
        return text->text(scratch);
      }
    }
  }
  return {};
}

json::Value value_of(const std::vector<json::Member>& members, std::string_view name) noexcept {
  for (const json::Member& member : members) {
    if (member.key.equals(name)) {
      return member.value;
    }
  }
  return {};
}

/// The canonical object with `hashes` set to its content hash.
std::string with_content_hash(std::string_view canonical) {
  const std::vector<json::Member> members = detail::top_level(canonical);
  const std::string hash = crypto::base64_encode(detail::content_hash_of(canonical, members));
  std::string out;
  out.reserve(canonical.size() + 80);
  const auto hashes = [&](json::Writer& writer) {
    writer.begin_object().key("sha256").value(hash).end_object();
  };
  write_with_members(out, members, {{"hashes", hashes}});
  return out;
}

/// The canonical object with a signature of its redacted form added.
std::string with_signature(std::string_view canonical, const RoomVersion& version, std::string_view server,
                           const crypto::SigningKey& key) {
  const std::vector<json::Member> members = detail::top_level(canonical);
  std::string type_scratch;
  std::string to_sign;
  to_sign.reserve(canonical.size());
  detail::append_redacted(to_sign, members, type_of(members, type_scratch), version, false);
  const crypto::Ed25519Signature signature = key.sign(to_sign);
  std::string out;
  out.reserve(canonical.size() + 160);
  const auto signatures = [&](json::Writer& writer) {
    write_signatures(writer, value_of(members, "signatures"), server, key.id(), signature);
  };
  write_with_members(out, members, {{"signatures", signatures}});
  return out;
}

void write_references(json::Writer& writer, const std::vector<EventReference>& references,
                      const RoomVersion& version) {
  writer.begin_array();
  for (const EventReference& reference : references) {
    if (version.has_event_id_field()) {
      writer.begin_array().value(reference.event_id);
      writer.begin_object().key("sha256").value(crypto::base64_encode(reference.reference_hash)).end_object();
      writer.end_array();
    } else {
      writer.value(reference.event_id);
    }
  }
  writer.end_array();
}

/// The draft in canonical JSON, with the member `signatures` empty and without `hashes`.
std::expected<std::string, EventError> write_draft(const EventDraft& draft, const RoomVersion& version) {
  std::string content;
  if (auto done = json::canonicalise_to(content, draft.content, detail::scan_options(version)); !done) {
    return json_fault(done.error());
  }
  const bool redacts_in_content = draft.redacts && version.redacts_in_content;
  if (redacts_in_content) {
    std::string merged;
    write_with_members(merged, detail::top_level(content),
                       {{"redacts", [&](json::Writer& writer) { writer.value(*draft.redacts); }}});
    content = std::move(merged);
  }
  // Texts of a draft come from callers who checked them; bytes that are not UTF-8 must not get into what is
  // signed.
  const std::array<std::pair<std::string_view, std::string_view>, 6> texts{{
      {"type", draft.type},
      {"sender", draft.sender},
      {"state_key", draft.state_key ? std::string_view{*draft.state_key} : std::string_view{}},
      {"room_id", draft.room_id ? std::string_view{*draft.room_id} : std::string_view{}},
      {"redacts", draft.redacts ? std::string_view{*draft.redacts} : std::string_view{}},
      {"event_id", draft.event_id ? std::string_view{*draft.event_id} : std::string_view{}},
  }};
  for (const auto& [name, text] : texts) {
    if (json::valid_utf8_prefix(text) != text.size()) {
      return std::unexpected(EventError{EventErrorCode::kBadField, name, {}});
    }
  }
  std::string out;
  out.reserve(content.size() + 512);
  json::Writer writer{out};
  writer.begin_object();
  writer.key("auth_events");
  write_references(writer, draft.auth_events, version);
  writer.key("content").raw(content);
  writer.key("depth").value(draft.depth);
  if (draft.event_id && version.has_event_id_field()) {
    writer.key("event_id").value(*draft.event_id);
  }
  writer.key("origin_server_ts").value(draft.origin_server_ts);
  writer.key("prev_events");
  write_references(writer, draft.prev_events, version);
  if (draft.redacts && !redacts_in_content) {
    writer.key("redacts").value(*draft.redacts);
  }
  if (draft.room_id) {
    writer.key("room_id").value(*draft.room_id);
  }
  writer.key("sender").value(draft.sender);
  writer.key("signatures").begin_object().end_object();
  if (draft.state_key) {
    writer.key("state_key").value(*draft.state_key);
  }
  writer.key("type").value(draft.type);
  writer.end_object();
  return out;
}

std::expected<EventPtr, EventError> finish(std::string_view canonical, const RoomVersion& version) {
  auto assembled =
      EventAccess::assemble(canonical, version, {.check_content_hash = false, .strict_byte_limits = true});
  if (!assembled) {
    return std::unexpected(assembled.error());
  }
  return EventPtr{std::move(assembled->event)};
}

}  // namespace

EventReference::EventReference(const Event& event) : event_id{event.event_id()} {
  // From version 3 on the hash is the id, and nobody asks for it beside.
  if (event.version().has_event_id_field()) {
    reference_hash = matrix::reference_hash(event);
  }
}

std::expected<EventPtr, EventError> build_unsigned(const EventDraft& draft, const RoomVersion& version) {
  const auto object = write_draft(draft, version);
  if (!object) {
    return std::unexpected(object.error());
  }
  return finish(with_content_hash(*object), version);
}

std::expected<EventPtr, EventError> build_event(const EventDraft& draft, const RoomVersion& version,
                                                const ServerName& server, const crypto::SigningKey& key) {
  const auto object = write_draft(draft, version);
  if (!object) {
    return std::unexpected(object.error());
  }
  return finish(with_signature(with_content_hash(*object), version, server.view(), key), version);
}

std::expected<EventPtr, EventError> build_event_from_template(std::string_view object,
                                                              const RoomVersion& version,
                                                              const ServerName& server,
                                                              const crypto::SigningKey& key) {
  const auto canonical = json::canonicalise(object, detail::scan_options(version));
  if (!canonical) {
    return json_fault(canonical.error());
  }
  // Whatever a template has of these belongs to nobody's event yet.
  std::string stripped;
  stripped.reserve(canonical->size());
  json::Writer writer{stripped};
  writer.begin_object();
  for (const json::Member& member : detail::top_level(*canonical)) {
    if (!member.key.equals("hashes") && !member.key.equals("signatures") && !member.key.equals("unsigned") &&
        (version.has_event_id_field() || !member.key.equals("event_id"))) {
      writer.raw_member(member.bytes);
    }
  }
  writer.end_object();
  return finish(with_signature(with_content_hash(stripped), version, server.view(), key), version);
}

std::expected<std::string, EventError> sign_event_object(std::string_view object, const RoomVersion& version,
                                                         std::string_view server,
                                                         const crypto::SigningKey& key) {
  const auto canonical = json::canonicalise(object, detail::scan_options(version));
  if (!canonical) {
    return json_fault(canonical.error());
  }
  return with_signature(with_content_hash(*canonical), version, server, key);
}

std::expected<EventPtr, EventError> add_signature(const Event& event, const ServerName& server,
                                                  const crypto::SigningKey& key) {
  const std::string with = with_signature(event.bytes(), event.version(), server.view(), key);
  auto assembled =
      EventAccess::assemble(with, event.version(), {.keep_unsigned = true, .check_content_hash = false});
  if (!assembled) {
    return std::unexpected(assembled.error());
  }
  return EventPtr{std::move(assembled->event)};
}

std::string random_event_id(crypto::RandomSource& random, const ServerName& server) {
  std::string id{"$"};
  id += crypto::random_alphanumeric(random, 18);
  id += ':';
  id += server.view();
  return id;
}

}  // namespace lares::matrix
