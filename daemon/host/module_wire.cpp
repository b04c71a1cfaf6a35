// SPDX-License-Identifier: Apache-2.0
#include <host/module_wire.hpp>

#include <utility>

namespace lares::host::wire {
namespace {

constexpr std::uint32_t kAbsent = ~std::uint32_t{0};

void append(std::string& bytes, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    bytes.push_back(static_cast<char>(value >> (8 * i)));
  }
}

std::uint64_t parse(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

}  // namespace

Writer::Writer(Kind kind) : bytes_(kLengthBytes, '\0') {
  bytes_.push_back(static_cast<char>(kind));
}

Writer& Writer::number(std::uint64_t value) {
  append(bytes_, value, sizeof(value));
  return *this;
}

Writer& Writer::text(lares_text_view value) {
  if (value.data == nullptr) {
    append(bytes_, kAbsent, sizeof(kAbsent));
    return *this;
  }
  append(bytes_, value.size, sizeof(kAbsent));
  bytes_.append(value.data, value.size);
  return *this;
}

Writer& Writer::completion(lares_completion value) {
  return number(value.handle.index).number(value.handle.generation);
}

std::string Writer::finish() && {
  const auto size = bytes_.size() - kLengthBytes;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    bytes_[i] = static_cast<char>(size >> (8 * i));
  }
  return std::move(bytes_);
}

Reader::Reader(std::string_view payload) : rest_(payload) {
  if (rest_.empty()) {
    ok_ = false;
    return;
  }
  kind_ = static_cast<Kind>(static_cast<unsigned char>(rest_.front()));
  rest_.remove_prefix(1);
}

std::uint64_t Reader::number() {
  if (!ok_ || rest_.size() < sizeof(std::uint64_t)) {
    ok_ = false;
    return 0;
  }
  const auto value = parse(rest_.substr(0, sizeof(std::uint64_t)));
  rest_.remove_prefix(sizeof(std::uint64_t));
  return value;
}

lares_text_view Reader::text() {
  if (!ok_ || rest_.size() < sizeof(kAbsent)) {
    ok_ = false;
    return {};
  }
  const auto size = parse(rest_.substr(0, sizeof(kAbsent)));
  rest_.remove_prefix(sizeof(kAbsent));
  if (size == kAbsent) {
    return {};
  }
  if (size > rest_.size()) {
    ok_ = false;
    return {};
  }
  const lares_text_view value{rest_.data(), static_cast<std::size_t>(size)};
  rest_.remove_prefix(static_cast<std::size_t>(size));
  return value;
}

lares_completion Reader::completion() {
  const auto index = number();
  const auto generation = number();
  return {{index, generation}};
}

void write_question(Writer& writer, const Question& question) {
  writer.number(question.index());
  if (const auto* event = std::get_if<lares_event_view>(&question)) {
    writer.text(event->json)
        .text(event->room_version)
        .text(event->event_id)
        .text(event->room_id)
        .text(event->type);
    writer.text(event->sender).text(event->state_key).text(event->content);
    writer.number(static_cast<std::uint64_t>(event->origin_server_ts));
  } else if (const auto* invite = std::get_if<lares_invite_view>(&question)) {
    writer.number(invite->federated).text(invite->inviter).text(invite->invitee).text(invite->room_id);
  } else if (const auto* join = std::get_if<lares_join_view>(&question)) {
    writer.number(join->invited).text(join->user_id).text(join->room_id);
  } else if (const auto* room = std::get_if<lares_create_room_view>(&question)) {
    writer.text(room->user_id).text(room->request);
  }
}

std::optional<Question> read_question(Reader& reader) {
  switch (reader.number()) {
    case 0: {
      lares_event_view event{};
      event.struct_size = sizeof(event);
      event.json = reader.text();
      event.room_version = reader.text();
      event.event_id = reader.text();
      event.room_id = reader.text();
      event.type = reader.text();
      event.sender = reader.text();
      event.state_key = reader.text();
      event.content = reader.text();
      event.origin_server_ts = static_cast<std::int64_t>(reader.number());
      return event;
    }
    case 1: {
      lares_invite_view invite{};
      invite.struct_size = sizeof(invite);
      invite.federated = static_cast<std::uint32_t>(reader.number());
      invite.inviter = reader.text();
      invite.invitee = reader.text();
      invite.room_id = reader.text();
      return invite;
    }
    case 2: {
      lares_join_view join{};
      join.struct_size = sizeof(join);
      join.invited = static_cast<std::uint32_t>(reader.number());
      join.user_id = reader.text();
      join.room_id = reader.text();
      return join;
    }
    case 3: {
      lares_create_room_view room{};
      room.struct_size = sizeof(room);
      room.user_id = reader.text();
      room.request = reader.text();
      return room;
    }
    default:
      return std::nullopt;
  }
}

void write_verdict(Writer& writer, const lares_spam_verdict_view& verdict) {
  writer.number(verdict.decision);
  writer.text(LARES_HAS_FIELD(&verdict, lares_spam_verdict_view, errcode) ? verdict.errcode
                                                                          : lares_text_view{});
  writer.text(LARES_HAS_FIELD(&verdict, lares_spam_verdict_view, message) ? verdict.message
                                                                          : lares_text_view{});
  writer.text(LARES_HAS_FIELD(&verdict, lares_spam_verdict_view, extra_fields) ? verdict.extra_fields
                                                                               : lares_text_view{});
}

lares_spam_verdict_view read_verdict(Reader& reader) {
  lares_spam_verdict_view verdict{};
  verdict.struct_size = sizeof(verdict);
  verdict.decision = static_cast<std::uint32_t>(reader.number());
  verdict.errcode = reader.text();
  verdict.message = reader.text();
  verdict.extra_fields = reader.text();
  return verdict;
}

}  // namespace lares::host::wire
