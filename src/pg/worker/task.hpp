// What the worker has under way: a job, the row it serves, and what becomes of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/job/bulk_push.hpp"
#include "core/job/job.hpp"
#include "core/provider/connection.hpp"
#include "core/provider/session_exchange.hpp"
#include "pg/store/outbox.hpp"
#include "pg/store/read_back.hpp"
#include "pg/worker/provider_channel.hpp"

namespace cmms::pg {

enum class TaskKind : std::uint8_t { push, lookup, poll, read, bulk };

// The last exchange of a task, as far as cmms.sync_log keeps it. Not masked yet.
struct ExchangeTrace {
  std::string method;
  std::string url;
  std::string request_body;   // clipped
  std::string response_body;  // clipped
  std::string error;
  int http_status = 0;
  std::chrono::microseconds duration{0};
  bool was_sent = false;
};

struct Task {
  TaskKind kind = TaskKind::push;
  std::shared_ptr<ProviderChannel> channel;
  std::shared_ptr<const provider::Connection> connection;  // the job's; the channel may have a newer one
  std::unique_ptr<job::Job> job;
  store::ClaimedRow row;                         // push, lookup
  std::shared_ptr<const json::Document> record;  // the row's record, parsed
  std::string resource;                          // of what it reads or writes
  std::vector<store::ReadBackRow> reads;         // read: the records that were asked for
  std::vector<std::string> found_ids;            // read: those that were found
  bool was_requested = false;                    // poll: by a person, not by the clock
  std::vector<store::ClaimedRow> rows;           // bulk: those that leave together
  job::BulkPush* bulk = nullptr;                 // bulk: the job
  bool holds_lane = false;      // bulk: what comes meanwhile waits, to leave together with the next request
  std::size_t items = 0;        // bulk: in the request
  std::string_view write_name;  // bulk: as the job has it
  std::string outcomes;         // bulk: how many of its rows came to what, as JSON
  bool is_member = false;       // push: its request was that of a bulk task

  std::optional<provider::SessionExchange> exchange;  // its request that waits or is under way
  bool has_sent = false;
  bool is_overtaken = false;  // its request under way takes no slot any more
  SystemTime sent_at{};
  ExchangeTrace trace;

  std::optional<job::Page> page;
  std::optional<job::Conclusion> conclusion;
  int record_failures = 0;
  SystemTime record_not_before{};
};

// Whether the task serves a row of the outbox.
inline bool is_queued(const Task& task) {
  return task.kind == TaskKind::push || task.kind == TaskKind::lookup;
}

using TaskPointer = std::unique_ptr<Task>;

}  // namespace cmms::pg
