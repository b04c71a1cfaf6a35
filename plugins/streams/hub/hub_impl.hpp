// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/actor.hpp>
#include <lares/async/cache.hpp>
#include <lares/async/measure.hpp>
#include <lares/async/promise.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/catch_up.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/migration.hpp>
#include <lares/stream/command.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/position_board.hpp>
#include <lares/stream/transport.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "hub_metrics.hpp"
#include "process_roll.hpp"
#include "stream_lists.hpp"

namespace lares::hub {

[[nodiscard]] storage::Schema hub_schema();

/// See stream::Hub. Registers this process as a writer when it starts, with a new incarnation; then takes up
/// what the other processes publish, stream by stream in order, and fills gaps from where the rows are kept.
///
/// **Threads**: what comes from transports is worked through on the first loop.
class HubImpl final : public stream::Hub, public service::CatchUp, private stream::TransportListener {
 public:
  /// How many commands of one stream may wait before further ones are dropped and fetched later as a gap.
  static constexpr std::size_t kMostQueued = 10'000;

  /// `replaced` is called when another process has taken over what this one writes; nothing is written then.
  /// By default the process ends.
  HubImpl(Server& server, storage::Database& database, std::function<void()> replaced = {});

  /// Takes this process's row in `writers` and the streams' positions by the database, and opens the
  /// transports. **Errors**: StartError where another process of this name runs, or one whose
  /// `stream_writers` contradict; nothing is written then.
  Task<void> start();
  Task<void> stop() noexcept;

  [[nodiscard]] service::StartCheck& start_check() noexcept { return roll_; }

  [[nodiscard]] stream::WriterNumber self() const noexcept override { return self_; }
  [[nodiscard]] std::int64_t incarnation_position() const noexcept override { return incarnation_ << 32; }
  Task<std::int64_t> memory_start(stream::StreamNumber stream) override;
  void lock_writer(storage::WriteTransaction& tx) override;
  Task<void> confirm_writer() override;
  std::int64_t draw(storage::WriteTransaction& tx, std::string_view stream, std::int64_t count) override;
  std::int64_t drawn(storage::ReadTransaction& tx, std::string_view stream) override;
  void committed(stream::StreamNumber stream, std::int64_t position,
                 std::function<std::vector<stream::Row>()> rows) override;
  void published(std::string_view stream, std::int64_t position,
                 std::function<std::vector<stream::Row>()> rows) override;
  [[nodiscard]] bool connected() const noexcept override {
    return connected_.load(std::memory_order_acquire);
  }
  [[nodiscard]] stream::Token now() const override { return board_.now(); }
  [[nodiscard]] stream::StreamPosition position(stream::StreamNumber stream) const override {
    return board_.position(stream);
  }
  Task<bool> reached(stream::StreamNumber stream, stream::WriterNumber writer, std::int64_t position,
                     std::chrono::milliseconds deadline) override;
  Task<bool> reached(stream::StreamNumber stream, stream::StreamPosition position,
                     std::chrono::milliseconds deadline) override;
  Task<stream::WriterNumber> writer_number(std::string instance) override;
  Task<bool> catch_up() override;
  Task<stream::Token> believed(stream::Token token, bool& cut) override;

 private:
  /// Who says that a writer has come to a position.
  enum class Source {
    kWriter,  ///< it has said so itself, or the database: everything up to there is committed
    kClient,  ///< what a token claims; below it the writer may still have something open
  };
  /// Rows that this process has been told of are to be read without waiting for them.
  struct Fetch {
    stream::WriterNumber writer = 0;
    std::int64_t upto = 0;
    Source source = Source::kWriter;
  };
  struct Position {
    stream::PositionCommand said;
    std::optional<std::int64_t> list;  // the one by which its writer goes, if it has said so
  };
  using Work = std::variant<stream::RdataCommand, Position, Fetch>;

  /// A stream's commands that wait, and the rows that wait for one with a token.
  struct Inbox {
    stream::Stream* stream = nullptr;
    std::optional<StreamMetrics> metrics;  // where there are other processes
    std::optional<stream::StreamNumber> number;
    // The highest position that the database is known to have given out.
    std::int64_t highest = 0;
    // Of a stream without a number: everything up to here is taken up, whoever wrote it.
    std::int64_t caught_up = 0;
    std::deque<Work> queue;
    bool working = false;
    // Instances of whose rows none was lost on the way since their last POSITION, which shows what was lost
    // before.
    std::unordered_set<std::string> in_step;
    // Instances of whose rows some came through but were not taken up: their next POSITION brings these.
    std::unordered_set<std::string> behind;
    std::unordered_map<std::string, std::vector<stream::Row>> batches;  // by instance
    std::unordered_map<std::string, std::int64_t> lists;                // by instance, as it announced
    std::unordered_set<stream::WriterNumber> writers;                   // those that the board knows
    std::atomic<std::int64_t> list{0};                                  // StreamList::since of these
  };

  void opened(stream::StreamNumber stream, int change) noexcept override;
  void transport_connected() override;
  void transport_disconnected() override;
  void received(std::string line) override;
  /// Logs a command that is of no release known here, once.
  void note_unknown(std::string_view name);
  void publish(const std::string& line);
  void announce();
  void enqueue(const std::string& stream, const std::string& instance, Work command);
  void begin(Inbox& inbox);
  Task<stream::WriterNumber> load_writer_number(std::string instance);
  Task<void> work(Inbox& inbox);
  Task<void> take(Inbox& inbox, stream::RdataCommand command);
  Task<void> take(Inbox& inbox, Position command);
  /// The highest position of the stream that any process can have drawn by now, as the database has it.
  Task<std::int64_t> highest(const Inbox& inbox);
  /// Whether `position` can have been drawn. One that was not would stand above everything to come, so that
  /// nothing of its writer would be taken up any more: the log has a warning then, and the writer's next
  /// credible position brings what it wrote.
  Task<bool> believe(Inbox& inbox, const std::string& instance, std::int64_t position);
  /// Goes by the stream's list of writers as the database has it now.
  Task<void> renew_list(Inbox& inbox);
  Task<bool> known(stream::StreamNumber stream, stream::WriterNumber writer, std::int64_t position,
                   std::chrono::milliseconds deadline, Source source);
  Task<bool> applied(stream::StreamNumber stream, stream::WriterNumber writer, std::int64_t position,
                     std::chrono::milliseconds deadline, Source source);
  Task<void> fetch(Inbox& inbox, Fetch wanted);
  class Look;
  Future<bool> ask_to_look();
  Task<void> look_for_all(std::unique_ptr<Look> look);
  Task<bool> catch_up_now();
  Task<void> fill(Inbox& inbox, stream::WriterNumber writer, std::int64_t upto);
  /// Every few seconds: what only the database can tell.
  Task<void> look_around();
  Task<void> repeat_positions();
  void say_replaced();
  [[noreturn]] void give_way();
  Task<void> follow();
  /// Takes up what streams without a number have; true if there was anything.
  Task<bool> read_unnumbered();
  Task<void> reconnect();
  /// What falls to this process, in the transaction that begins its incarnation.
  void take_shards(storage::WriteTransaction& tx);
  Task<StreamLists> stream_lists();
  void publish_rows(std::string_view stream, std::vector<stream::Row> rows);

  Server& server_;
  storage::Database& database_;
  const std::function<void()> replaced_;
  ProcessRoll roll_;
  stream::PositionBoard board_;
  stream::WriterNumber self_ = 0;
  std::int64_t incarnation_ = 0;
  std::vector<std::string> ended_;  // processes from which this one has taken something over
  std::vector<stream::StreamNumber> own_;
  std::array<std::atomic<std::uint64_t>, stream::kStreamNumbers> open_{};
  // Where the last rows of this process stand: from there to its position it has written none.
  std::array<std::atomic<std::int64_t>, stream::kStreamNumbers> written_{};
  std::map<std::string, Inbox, std::less<>> inboxes_;
  std::atomic<bool> connected_{true};
  int unconnected_ = 0;                               // transports; on the first loop
  std::unordered_set<std::string> unknown_commands_;  // that the log has; on the first loop
  std::vector<stream::Transport*> transports_;
  std::optional<CommandMetrics> commands_;  // where there is one
  MeasuredBlock waiting_;
  MeasuredBlock filling_;
  Actor inbox_actor_;  // on the first loop, as the inboxes are
  // Those who have asked to catch up since the last look began; on the first loop.
  std::optional<Promise<bool>> next_look_;
  bool looking_ = false;
  TaskGroup tasks_;
  Cache<std::string, stream::WriterNumber> numbers_;
  log::Logger log_{"lares.replication"};
};

}  // namespace lares::hub
