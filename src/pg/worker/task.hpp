// What the worker has under way: a job, the row it serves, and what becomes of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/job/job.hpp"
#include "core/provider/connection.hpp"
#include "core/provider/session_exchange.hpp"
#include "pg/store/outbox.hpp"
#include "pg/store/read_back.hpp"
#include "pg/worker/provider_channel.hpp"

namespace cmms::pg {

enum class TaskKind : std::uint8_t { push, lookup, poll, read };

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
  std::string resource;                          // poll, read
  std::vector<store::ReadBackRow> reads;         // read: the records that were asked for
  std::vector<std::string> found_ids;            // read: those that were found
  bool was_requested = false;                    // poll: by a person, not by the clock

  std::optional<provider::SessionExchange> exchange;  // its request that waits or is under way
  bool has_sent = false;
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
