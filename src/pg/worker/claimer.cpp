#include "pg/worker/claimer.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "core/job/companion.hpp"
#include "core/job/lookup.hpp"
#include "core/job/push.hpp"
#include "core/json/jansson.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/guc/guc.hpp"
#include "pg/worker/bulk.hpp"
#include "pg/worker/clock.hpp"

namespace cmms::pg {
namespace {

using namespace std::chrono_literals;

constexpr auto full_scan_interval = 1s;
constexpr auto locked_row_pause = 100ms;  // rows that are due but locked by somebody else
constexpr int most_checks = 5;
constexpr auto longest_failure_pause = 30s;

using MadeJob = Result<std::unique_ptr<job::Job>>;

MadeJob make_push_job(Task& task) {
  job::PushInput input;
  input.resource = task.row.key.resource;
  input.operation = job::parse_push_operation(task.row.operation).value_or(job::PushOperation::create);
  input.record = task.record;
  input.changed_fields = task.row.changed_fields;
  input.source_record_id = task.row.source_record_id;
  input.reference = task.row.key.record_id;
  if (task.row.sent_values) {
    Result<json::Document> sent = json::Document::parse(*task.row.sent_values);
    if (!sent) return std::move(sent).error();
    input.sent_values = std::make_shared<const json::Document>(std::move(sent).value());
  }
  // A provider that says something else each time must not keep a change back for ever.
  input.may_check = task.row.attempts <= most_checks;
  if (input.record == nullptr && input.operation != job::PushOperation::remove) {
    return Error{ErrorClass::identity, "the record does not exist any more", {}, {}};
  }
  return job::make_companion_push(task.connection, std::move(input));
}

MadeJob make_job(Task& task) {
  if (task.row.record) {
    Result<json::Document> document = json::Document::parse(*task.row.record);
    if (!document) return std::move(document).error();
    task.record = std::make_shared<const json::Document>(std::move(document).value());
  }
  if (task.kind == TaskKind::push) return make_push_job(task);
  std::optional<job::Micros> attempted_at;
  // An attempt in the future: the clock was set back since, and says nothing about the provider's times.
  if (task.row.seconds_since_attempt && *task.row.seconds_since_attempt >= 0) {
    const auto ago = std::chrono::duration<double>(*task.row.seconds_since_attempt);
    attempted_at = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now() - ago);
  }
  return job::make_lookup(task.connection, task.row.key.resource, task.row.key.record_id, attempted_at);
}

}  // namespace

void Claimer::look_again(WakeReasons queues) {
  for (const auto& [id, channel] : providers_.channels()) {
    if ((queues & wake_for_queue(id)) != 0) channel->look_again();
  }
}

void Claimer::note_busy(std::chrono::duration<double> time) { busy_time_ = 0.8 * busy_time_ + 0.2 * time; }

void Claimer::tick(SystemTime now) {
  if (now < next_row_at_) return;
  look_again();
  next_row_at_ = now + guc::fallback_poll_interval();
}

// Places are refilled in groups, so that one statement serves several rows; an idle provider never waits.
bool Claimer::may_claim(const ProviderChannel& channel, const Lane& lane, SystemTime now) const {
  if (!channel.is_active || !channel.may_push || !lane.may_have_more || channel.connection == nullptr)
    return false;
  const int free = channel.free_places(now, busy_time_);
  if (lane.bulk_items > 0) return free > 0 && lane.bulk_requests == 0 && channel.sends_now(now);
  const int stock = channel.depth(busy_time_) - channel.slots();
  const bool is_worthwhile =
      free * 2 >= stock || channel.tasks == 0 || channel.circuit.state() != Circuit::State::closed;
  return free > 0 && is_worthwhile && channel.sends_now(now);
}

WakeReasons Claimer::wanted_news(SystemTime now) const {
  WakeReasons queues = 0;
  for (const auto& [id, channel] : providers_.channels()) {
    if (!channel->is_active || !channel->may_push || channel->connection == nullptr) continue;
    // The end of a task makes places free; when a circuit is tried, the clock says.
    const bool has_places =
        channel->circuit.state() != Circuit::State::closed || channel->free_places(now, busy_time_) > 0;
    if (has_places && channel->has_idle_lane()) queues |= wake_for_queue(id);
  }
  return queues;
}

bool Claimer::has_work(SystemTime now) const {
  if (now < not_before_) return false;
  const auto& channels = providers_.channels();
  return std::any_of(channels.begin(), channels.end(), [&](const auto& entry) {
    const ProviderChannel& channel = *entry.second;
    return std::any_of(channel.lanes.begin(), channel.lanes.end(),
                       [&](const auto& lane) { return may_claim(channel, lane.second, now); });
  });
}

std::vector<store::ClaimRequest> Claimer::requests(SystemTime now) {
  std::vector<store::ClaimRequest> requests;
  for (const auto& [id, channel] : providers_.channels()) {
    const int places = static_cast<int>(
        std::min<std::int64_t>(channel->free_places(now, busy_time_), channel->rate_limit->room(now)));
    for (auto& [resource, lane] : channel->lanes) {
      if (!may_claim(*channel, lane, now)) continue;
      if (now - lane.full_scan_at >= full_scan_interval) lane.claimed_up_to.reset();
      const int limit = lane.bulk_items > 0 ? static_cast<int>(lane.bulk_items) : places;
      requests.push_back({id, resource, limit, lane.claimed_up_to});
    }
  }
  return requests;
}

void Claimer::note_result(const std::vector<store::ClaimRequest>& requests,
                          const std::vector<store::ClaimedRow>& rows, SystemTime now) {
  for (const store::ClaimRequest& request : requests) {
    Lane& lane = providers_.find(request.provider_id)->lanes.find(request.resource)->second;
    int count = 0;
    for (const store::ClaimedRow& row : rows) {
      if (row.provider_id != request.provider_id || row.key.resource != request.resource) continue;
      ++count;
      if (!lane.claimed_up_to || row.place.is_after(*lane.claimed_up_to)) lane.claimed_up_to = row.place;
    }
    if (!request.after) lane.full_scan_at = now;
    if (count >= request.limit) continue;
    lane.claimed_up_to.reset();
    // A short claim that did not start at the beginning is followed by one that does.
    if (!request.after) lane.may_have_more = false;
    schedule_is_stale_ = true;
  }
}

bool Claimer::claim(SystemTime now) {
  const std::vector<store::ClaimRequest> wanted = requests(now);
  if (wanted.empty()) return true;
  std::vector<store::ClaimedRow> rows;
  bool is_stale = false;
  const auto error = session_.transaction("claiming", [&] {
    is_stale = providers_.needs_refresh(now);
    if (!is_stale) rows = store::claim(wanted);
  });
  if (error) {
    const int doublings = std::min(failures_++, 5);
    not_before_ = now + std::min<SystemTime::duration>(1s * (1 << doublings), longest_failure_pause);
    if (!session_.leave() && error->code != ERRCODE_LOCK_NOT_AVAILABLE) log(WARNING, *error);
    return false;
  }
  if (is_stale) return false;
  failures_ = 0;
  if (!rows.empty()) providers_.mark_used();
  note_result(wanted, rows, now);
  start_all(std::move(rows));
  return true;
}

void Claimer::start_all(std::vector<store::ClaimedRow> rows) {
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<store::ClaimedRow>> groups;
  for (store::ClaimedRow& row : rows) {
    const ProviderChannel& channel = *providers_.find(row.provider_id);
    const bool leaves_together = is_bulk_lane(channel, row.key.resource) && row.operation != "delete" &&
                                 (!row.is_in_doubt || is_repeatable_create(channel, row));
    if (leaves_together) {
      groups[{row.provider_id, row.key.resource, row.operation}].push_back(std::move(row));
    } else {
      start(std::move(row));
    }
  }
  for (auto& [key, group] : groups) {
    BulkParts parts = make_bulk(providers_.find(std::get<0>(key)), std::move(group));
    for (TaskPointer& task : parts.finished) dispatcher_.finish(std::move(task));
    for (TaskPointer& task : parts.ready) dispatcher_.start(std::move(task));
  }
}

void Claimer::start(store::ClaimedRow row) {
  auto task = std::make_unique<Task>();
  task->kind = row.is_in_doubt ? TaskKind::lookup : TaskKind::push;
  task->channel = providers_.find(row.provider_id);
  task->connection = task->channel->connection;
  task->row = std::move(row);
  task->resource = task->row.key.resource;
  ++task->channel->tasks;
  MadeJob job = make_job(*task);
  if (job) {
    task->job = std::move(job).value();
    dispatcher_.start(std::move(task));
    return;
  }
  // The same configuration and record will give the same error: nothing is gained by repeating it.
  job::Conclusion conclusion;
  conclusion.verdict = job::Verdict::rejected;
  conclusion.error = std::move(job).error();
  task->conclusion = std::move(conclusion);
  dispatcher_.finish(std::move(task));
}

void Claimer::read_schedule(SystemTime now) {
  schedule_is_stale_ = false;
  next_row_at_ = now + guc::fallback_poll_interval();
  std::vector<store::QueueLane> idle;
  for (const auto& [id, channel] : providers_.channels()) {
    if (!channel->may_push || channel->connection == nullptr) continue;
    for (const auto& [resource, lane] : channel->lanes) {
      if (!lane.may_have_more) idle.push_back({id, resource});
    }
  }
  if (idle.empty()) return;
  const auto error = session_.transaction("looking ahead", [&] {
    const auto seconds = store::seconds_to_next_row(idle);
    if (!seconds) return;
    const SystemTime due = after_seconds(now, std::min(*seconds, 86'400.0));
    next_row_at_ =
        std::min(next_row_at_, std::max<SystemTime>(due, now + (*seconds > 0 ? 1ms : locked_row_pause)));
  });
  if (error) schedule_is_stale_ = !session_.leave();
}

SystemTime Claimer::due_at(SystemTime now) const {
  SystemTime due = std::max(next_row_at_, not_before_);
  for (const auto& [id, channel] : providers_.channels()) {
    if (!channel->is_active || !channel->may_push || !channel->may_have_more() ||
        channel->connection == nullptr)
      continue;
    if (channel->circuit.state() == Circuit::State::half_open) continue;
    SystemTime at = std::max(channel->rate_limit->next_allowed(now), not_before_);
    if (const auto opens_at = channel->circuit.opens_at(now)) at = std::max(at, *opens_at);
    // Without a free slot the end of a task is what wakes the worker.
    if (at > now) due = std::min(due, at);
  }
  return due;
}

}  // namespace cmms::pg
