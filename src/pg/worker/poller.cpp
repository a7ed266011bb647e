#include "pg/worker/poller.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

#include "core/job/poll.hpp"
#include "pg/apply/apply.hpp"
#include "pg/apply/tally.hpp"
#include "pg/guc/guc.hpp"
#include "pg/store/held_record.hpp"
#include "pg/store/sync_log.hpp"
#include "pg/worker/clock.hpp"
#include "pg/worker/exchange_log.hpp"

namespace cmms::pg {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_check_interval = 60s;
constexpr auto shortest_check_interval = 10ms;
constexpr int attempts_per_page = 5;

bool is_transient(const CapturedError& error) {
  return error.code == ERRCODE_LOCK_NOT_AVAILABLE || error.code == ERRCODE_T_R_DEADLOCK_DETECTED ||
         error.code == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

void add(Tally& tally, const std::vector<Applied>& applied) {
  for (const Applied& each : applied) tally.add(each.outcome);
}

void log_page(const Task& task, const Tally& tally) {
  if (!tally.has_news()) return;
  store::SyncLogRow row = log_row(task, "imported", 0);
  row.response = tally.json();
  store::add_sync_log({row});
}

const char* cause_of(const Task& task) {
  if (task.kind == TaskKind::lookup) return "lookup";
  return task.kind == TaskKind::read ? "read" : "poll";
}

store::PollKey key_of(const Task& task) {
  return {task.channel->tenant_id, task.channel->provider_id, task.resource};
}

// Only a poll has a cursor. A read remembers what it has found.
void advance_cursor(Task& task) {
  if (task.kind == TaskKind::lookup) return;
  if (task.kind == TaskKind::read) {
    if (task.reads.size() == 1) {
      task.found_ids = {task.reads.front().source_record_id};
      return;
    }
    const provider::ResourceMaps* maps = task.connection->maps(task.resource);
    for (const json::Value& record : task.page->records) {
      if (maps != nullptr) task.found_ids.push_back(provider::record_id(*maps, record));
    }
    return;
  }
  store::advance_poll(key_of(task), task.page->cursor, task.page->records.size(), task.page->total);
}

void keep_refused(const Task& task, const json::Value& record, const CapturedError& refusal) {
  store::HeldDocument held;
  held.tenant_id = task.channel->tenant_id;
  held.provider_id = task.channel->provider_id;
  held.resource = task.resource;
  const provider::ResourceMaps* maps = task.connection->maps(task.resource);
  if (maps != nullptr) held.source_record_id = provider::record_id(*maps, record);
  held.reason = masked(task, refusal.message);
  held.document = record.text();
  store::SyncLogRow row = log_row(task, "held", 0);
  row.source_record_id = held.source_record_id;
  row.error_class = "validation";
  row.error = held.reason;
  // A document that is no valid jsonb is at least named in the log.
  const auto error = in_subtransaction([&] { store::hold_document(held); });
  if (error) row.outcome = "failed";
  store::add_sync_log({row});
}

// An application that holds a lock for long must not keep the worker from its other tasks.
void limit_lock_waits(const char* timeout) {
  pg_call([=] {
    set_config_option("lock_timeout", timeout, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
  });
}

}  // namespace

void Poller::start_due(SystemTime now) {
  std::vector<std::string> asked;
  for (const auto& [id, channel] : providers_.channels()) {
    if (channel->connection != nullptr && !channel->poll_is_running) asked.push_back(id);
  }
  check_at_ = now + longest_check_interval;
  if (asked.empty()) return;
  std::vector<store::DuePoll> polls;
  bool is_stale = false;
  const auto error = session_.transaction("looking for due polls", [&] {
    is_stale = providers_.needs_refresh(now);  // a map that was changed before the poll was asked for counts
    if (is_stale) return;
    std::vector<std::string> startable;
    for (const store::PollTime& time : store::poll_times(asked)) {
      const auto channel = providers_.find(time.provider_id);
      const SystemTime due =
          std::max(after_seconds(now, std::min(time.seconds_to_next, 86'400.0)), channel->poll_not_before);
      const SystemTime allowed =
          std::max(channel->rate_limit->next_allowed(now), channel->circuit.opens_at(now).value_or(now));
      if (due <= now && allowed <= now && channel->circuit.state() != Circuit::State::half_open) {
        startable.push_back(time.provider_id);
      } else {
        check_at_ = std::min(check_at_, std::max<SystemTime>({due, allowed, now + shortest_check_interval}));
      }
    }
    if (!startable.empty()) polls = store::start_polls(startable);
  });
  if (error) {
    check_at_ = now + 1s;
    if (!session_.leave() && !is_transient(*error)) log(WARNING, *error);
    return;
  }
  if (is_stale) check_at_ = now;
  for (const store::DuePoll& poll : polls) start(poll, now);
}

void Poller::start(const store::DuePoll& poll, SystemTime now) {
  auto task = std::make_unique<Task>();
  task->kind = TaskKind::poll;
  task->channel = providers_.find(poll.key.provider_id);
  task->connection = task->channel->connection;
  task->resource = poll.key.resource;
  task->was_requested = poll.was_requested;
  task->sent_at = now;
  ++task->channel->tasks;
  task->channel->poll_is_running = true;
  auto job = job::make_poll(task->connection, poll.key.resource, poll.cursor, task->channel->import_since);
  if (job) {
    task->job = std::move(job).value();
    dispatcher_.start(std::move(task));
    return;
  }
  task->was_requested = false;  // asking again would not help
  job::Conclusion conclusion;
  conclusion.verdict = job::Verdict::rejected;
  conclusion.error = job.error();
  task->conclusion = std::move(conclusion);
  dispatcher_.finish(std::move(task));
}

void Poller::add_pages(std::vector<TaskPointer> pages) {
  for (TaskPointer& page : pages) pages_.push_back(std::move(page));
}

std::optional<CapturedError> Poller::apply_together(Task& task) {
  return session_.transaction("applying a poll", [&] {
    limit_lock_waits("200ms");
    Tally tally;
    add(tally,
        apply_records(*task.connection, task.resource, task.page->records, cause_of(task), task.sent_at));
    advance_cursor(task);
    log_page(task, tally);
  });
}

// A record that the database refuses is kept with its reason; the others go on. Those that an application
// has locked stay on the page, and the cursor where it is, until they are free.
std::optional<CapturedError> Poller::apply_one_by_one(Task& task) {
  std::vector<json::Value> busy;
  std::optional<CapturedError> busy_error;
  auto error = session_.transaction("applying a poll record by record", [&] {
    limit_lock_waits("20ms");
    Tally tally;
    for (const json::Value& record : task.page->records) {
      const auto refusal = in_subtransaction([&] {
        add(tally, apply_records(*task.connection, task.resource, std::span(&record, 1), cause_of(task),
                                 task.sent_at));
      });
      if (!refusal) continue;
      if (is_transient(*refusal)) {
        busy.push_back(record);
        busy_error = refusal;
        continue;
      }
      tally.add("failed");
      keep_refused(task, record, *refusal);
    }
    if (busy.empty()) {
      advance_cursor(task);
    } else if (task.kind == TaskKind::poll) {
      store::advance_poll(key_of(task), "", task.page->records.size() - busy.size(), std::nullopt);
    }
    log_page(task, tally);
  });
  if (error || busy.empty()) return error;
  task.page->records = std::move(busy);
  return busy_error;
}

bool Poller::apply(Task& task, SystemTime now) {
  auto error = apply_together(task);
  if (error && !session_.leave()) error = apply_one_by_one(task);
  if (!error) return true;
  if (session_.leave()) return false;
  const int doublings = std::min(task.record_failures++, 6);
  task.record_not_before = now + 100ms * (1 << doublings);
  if (!is_transient(*error)) log(WARNING, *error);
  return false;
}

void Poller::apply_pages(SystemTime now) {
  std::vector<TaskPointer> pages = std::exchange(pages_, {});
  for (TaskPointer& task : pages) {
    const bool is_due = !session_.leave() && task->record_not_before <= now;
    if (is_due && apply(*task, now)) {
      task->record_failures = 0;
      dispatcher_.resume(std::move(task));
    } else if (task->record_failures >= attempts_per_page && !session_.leave()) {
      fail(std::move(task));
    } else {
      pages_.push_back(std::move(task));
    }
  }
}

// The cursor has not moved: the page is read again by the next poll.
void Poller::fail(TaskPointer task) {
  job::Conclusion conclusion;
  conclusion.verdict = job::Verdict::retry;
  conclusion.http_status = task->trace.http_status;
  conclusion.error = Error{ErrorClass::conflict, "what was read could not be applied", {}, {}};
  task->page.reset();
  task->conclusion = std::move(conclusion);
  dispatcher_.finish(std::move(task));
}

SystemTime Poller::due_at() const {
  SystemTime due = check_at_;
  for (const TaskPointer& page : pages_) due = std::min(due, page->record_not_before);
  return due;
}

}  // namespace cmms::pg
