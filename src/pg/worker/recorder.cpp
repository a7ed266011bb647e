#include "pg/worker/recorder.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "pg/guc/guc.hpp"
#include "pg/origin.hpp"
#include "pg/store/postpone.hpp"
#include "pg/worker/exchange_log.hpp"

namespace cmms::pg {
namespace {

using namespace std::chrono_literals;

constexpr SystemTime::duration longest_collection = 20ms;
constexpr std::size_t collection_size = 256;
constexpr std::size_t most_at_once = 1000;  // results in one transaction, of which a bulk request has many
constexpr auto busy_pause = 100ms;          // a row is locked by an application
constexpr auto longest_pause = 60s;
constexpr double unsent_pause = 1;  // seconds until a read that may not leave now is tried again
constexpr auto longest_outage_pause =
    60s;  // then a provider is tried again, so that it is not idle long after it is back

bool is_lock_timeout(const CapturedError& error) {
  return error.code == ERRCODE_LOCK_NOT_AVAILABLE || error.code == ERRCODE_T_R_DEADLOCK_DETECTED ||
         error.code == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

// The provider itself said that it does not want to be called now.
bool is_certain(const job::Conclusion& conclusion) {
  return conclusion.retry_after || conclusion.http_status == 429 ||
         (conclusion.error && conclusion.error->error_class != ErrorClass::provider_unavailable);
}

void end_task(const Task& task) {
  if (task.kind == TaskKind::poll) task.channel->poll_is_running = false;
  if (task.kind == TaskKind::read) --task.channel->reads;
  if (task.holds_lane) {
    const auto lane = task.channel->lanes.find(task.resource);
    if (lane != task.channel->lanes.end()) --lane->second.bulk_requests;
  }
  --task.channel->tasks;
}

}  // namespace

OutcomePolicy Recorder::policy() const {
  OutcomePolicy policy;
  policy.retry = {.base = guc::retry_base(), .cap = guc::retry_cap()};
  policy.max_attempts = guc::max_attempts();
  policy.log_body_bytes = guc::sync_log_body_bytes();
  return policy;
}

void Recorder::add(std::vector<TaskPointer> finished, SystemTime now) {
  if (fresh_.empty()) fresh_since_ = now;
  for (TaskPointer& task : finished) {
    end_task(*task);
    note_health(*task, now);
    fresh_.push_back(std::move(task));
  }
}

void Recorder::add_unsent(std::vector<TaskPointer> unsent) {
  for (TaskPointer& task : unsent) {
    end_task(*task);
    if (task->kind == TaskKind::poll) continue;  // goes on from its cursor another time
    unsent_.push_back(std::move(task));
  }
}

void Recorder::note_health(const Task& task, SystemTime now) {
  ProviderChannel& channel = *task.channel;
  const job::Conclusion& conclusion = *task.conclusion;
  if (task.kind == TaskKind::poll) {
    channel.poll_failures = conclusion.verdict == job::Verdict::complete ? 0 : channel.poll_failures + 1;
  }
  if (!task.has_sent) return;
  const Circuit::State before = channel.circuit.state();
  const bool no_answer = conclusion.http_status == 0 && task.trace.http_status == 0;
  if (conclusion.provider_wide || (before == Circuit::State::half_open && no_answer)) {
    retry::Policy retry{.base = guc::retry_base(),
                        .cap = std::min<std::chrono::milliseconds>(guc::retry_cap(), longest_outage_pause)};
    const bool needs_person =
        conclusion.error && conclusion.error->error_class != ErrorClass::provider_unavailable;
    if (needs_person)
      retry = {.base = guc::retry_base() * 10, .cap = guc::retry_cap()};  // heals by no waiting
    channel.circuit.on_failure(task.sent_at, now, is_certain(conclusion),
                               conclusion.unreachable ? "" : task.row.key.record_id, conclusion.retry_after,
                               retry, random_);
    if (conclusion.retry_after) channel.rate_limit->pause_until(now + *conclusion.retry_after);
    channel.last_error = error_text(task);
    channel.last_error_class =
        conclusion.error ? error_class_name(conclusion.error->error_class) : "provider_unavailable";
    channel.last_error_at = now;
  } else if (!no_answer) {
    channel.circuit.on_success(task.sent_at);
    channel.last_success_at = now;
  }
  channel.state_is_dirty = true;
  channel.state_is_urgent = channel.state_is_urgent || before != channel.circuit.state();
}

std::vector<TaskPointer> Recorder::take_due(SystemTime now, bool at_once) {
  std::vector<TaskPointer> due;
  std::vector<TaskPointer> later;
  for (TaskPointer& task : waiting_)
    (task->record_not_before <= now ? due : later).push_back(std::move(task));
  waiting_ = std::move(later);
  if (at_once || fresh_.size() >= collection_size || now - fresh_since_ >= collection_time_) {
    const auto end = fresh_.begin() + static_cast<std::ptrdiff_t>(std::min(fresh_.size(), most_at_once));
    std::move(fresh_.begin(), end, std::back_inserter(due));
    fresh_.erase(fresh_.begin(), end);
  }
  return due;
}

void Recorder::defer(TaskPointer task, SystemTime until) {
  task->record_not_before = until;
  waiting_.push_back(std::move(task));
}

std::optional<SystemTime> Recorder::due_at() const {
  std::optional<SystemTime> due;
  for (const TaskPointer& task : waiting_) {
    if (!due || task->record_not_before < *due) due = task->record_not_before;
  }
  if (!fresh_.empty() && (!due || fresh_since_ + collection_time_ < *due))
    due = fresh_since_ + collection_time_;
  if (!unsent_.empty() && (!due || release_not_before_ < *due)) due = release_not_before_;
  return due;
}

void Recorder::carry_out(const OutcomeBatch& batch) {
  const OriginScope origin(Origin::worker);
  store::acknowledge(batch.acknowledgements);
  store::settle(batch.settlements);
  store::hold(batch.held);
  store::add_events(batch.events);
  for (const store::PollEnd& poll : batch.polls) store::end_poll(poll);
  polls_have_ended_ = polls_have_ended_ || !batch.polls.empty();
  store::end_read_backs(batch.reads);
  store::count_quotas(batch.quotas);
  store::add_sync_log(batch.log);
  for (const AnswerNews& news : batch.news) {
    apply_inbound(*news.connection, news.resource, news.items, news.cause);
  }
}

void Recorder::record_together(const std::vector<TaskPointer>& tasks, SystemTime now,
                               std::vector<bool>& busy) {
  std::vector<store::RecordKey> keys;
  std::vector<std::size_t> positions;  // of the tasks that have keys
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (!is_queued(*tasks[i])) continue;
    keys.push_back(tasks[i]->row.key);
    positions.push_back(i);
    busy[i] = true;
  }
  if (!keys.empty()) {
    for (const std::size_t locked : store::lock(keys)) busy[positions[locked]] = false;
  }
  OutcomeBatch batch;
  const OutcomePolicy rules = policy();
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (!busy[i]) add_outcome(*tasks[i], Detail::full, rules, random_, now, batch);
  }
  carry_out(batch);
}

// What an acknowledgement may stumble over; looked for only when something was in the way.
void Recorder::absorb_imports(const OutcomeBatch& batch) {
  const OriginScope origin(Origin::worker);
  for (const store::Acknowledgement& row : batch.acknowledgements) {
    if (row.key.resource != "work_order" || row.source_record_id.empty()) continue;
    store::absorb_import(row.key, row.provider_id, row.source_record_id);
  }
}

// One bad result must not cost the others: it is recorded without its documents, and where even that fails,
// as something to be looked up or repeated later. True: something about it is recorded.
bool Recorder::record_alone(const Task& task, SystemTime now) {
  std::string first_failure;
  for (const Detail detail : {Detail::full, Detail::bare}) {
    const auto error = in_subtransaction([&] {
      OutcomeBatch batch;
      add_outcome(task, detail, policy(), random_, now, batch);
      absorb_imports(batch);
      carry_out(batch);
    });
    if (!error) return true;
    if (first_failure.empty()) {
      first_failure = error->message;
      log(WARNING,
          "a result of provider \"" + task.channel->provider_id +
              "\" could not be recorded: " + error->message,
          error->detail);
    }
  }
  if (!is_queued(task)) return false;
  OutcomeBatch batch;
  add_unrecordable(task, first_failure, policy(), random_, batch);
  if (!in_subtransaction([&] { carry_out(batch); })) return true;
  // The record itself takes no change at all.
  return !in_subtransaction([&] { store::postpone(batch.settlements.front()); });
}

void Recorder::record_one_by_one(std::vector<TaskPointer>& tasks, SystemTime now) {
  std::vector<bool> is_done(tasks.size(), false);
  const auto error = session_.transaction("recording results one by one", [&] {
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const Task& task = *tasks[i];
      const bool is_free = !is_queued(task) || !store::lock({task.row.key}).empty();
      is_done[i] = is_free && record_alone(task, now);
    }
  });
  if (error && !session_.leave()) log(WARNING, *error);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (is_done[i] && !error) continue;
    const int doublings = std::min(tasks[i]->record_failures++, 6);
    defer(std::move(tasks[i]), now + std::min<SystemTime::duration>(1s * (1 << doublings), longest_pause));
  }
}

void Recorder::release_unsent() {
  std::vector<store::RecordKey> keys;
  std::vector<store::ReadBackEnd> reads;
  std::vector<std::size_t> positions;  // of the tasks that have keys
  for (std::size_t i = 0; i < unsent_.size(); ++i) {
    if (is_queued(*unsent_[i])) {
      keys.push_back(unsent_[i]->row.key);
      positions.push_back(i);
    } else {
      add_unread(*unsent_[i], unsent_pause, reads);
    }
  }
  std::vector<std::size_t> locked;
  const auto error = session_.transaction("releasing claims", [&] {
    locked = store::lock(keys);
    std::vector<store::RecordKey> free_keys;
    free_keys.reserve(locked.size());
    for (const std::size_t position : locked) free_keys.push_back(keys[position]);
    store::release(free_keys);
    store::end_read_backs(reads);
  });
  if (error) return;
  for (const std::size_t position : locked) unsent_[positions[position]].reset();
  for (TaskPointer& task : unsent_) {
    if (task != nullptr && !is_queued(*task)) task.reset();
  }
  std::erase(unsent_, nullptr);
}

bool Recorder::record(SystemTime now, bool at_once) {
  const bool releases = !unsent_.empty() && now >= release_not_before_;
  if (releases) {
    release_unsent();
    release_not_before_ = now + busy_pause;
  }
  std::vector<TaskPointer> tasks = take_due(now, at_once);
  if (tasks.empty()) return releases;
  std::vector<bool> busy(tasks.size(), false);
  const auto began = std::chrono::steady_clock::now();
  const auto error = session_.transaction("recording results", [&] { record_together(tasks, now, busy); });
  const auto took = std::chrono::floor<SystemTime::duration>(std::chrono::steady_clock::now() - began);
  collection_time_ = tasks.size() > 1 ? std::min(took, longest_collection) : SystemTime::duration::zero();
  if (session_.leave()) return false;
  if (error && !is_lock_timeout(*error)) {
    record_one_by_one(tasks, now);
    return true;
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (error || busy[i]) defer(std::move(tasks[i]), now + busy_pause);
  }
  return true;
}

}  // namespace cmms::pg
