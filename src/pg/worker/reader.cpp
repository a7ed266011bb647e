#include "pg/worker/reader.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/job/read.hpp"
#include "core/job/read_batch.hpp"
#include "pg/worker/clock.hpp"

namespace cmms::pg {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_check_interval = 60s;
constexpr auto shortest_check_interval = 10ms;
constexpr int most_batches = 4;  // for one provider in one go
constexpr int first_attempt = 1;

// Half of the slots are left to what is to be sent.
int task_limit(const ProviderChannel& channel) { return std::max(channel.slots() / 2, 1); }

using Group = std::pair<std::string, std::string>;  // provider, resource

}  // namespace

std::vector<store::ReadBackRequest> Reader::requests(SystemTime now) const {
  std::vector<store::ReadBackRequest> requests;
  for (const auto& [id, channel] : providers_.channels()) {
    if (channel->connection == nullptr || !channel->is_active) continue;
    if (channel->circuit.state() != Circuit::State::closed || !channel->sends_now(now)) continue;
    const int places = task_limit(*channel) - channel->reads;
    if (places <= 0) continue;
    int batch = 1;
    for (const auto& [resource, maps] : channel->connection->resources) {
      batch = std::max(batch, job::read_batch_size(*channel->connection, resource));
    }
    requests.push_back({id, batch > 1 ? batch * std::min(places, most_batches) : places});
  }
  return requests;
}

void Reader::queue_rereads(SystemTime now) {
  std::vector<store::RereadInterval> intervals;
  for (const auto& [id, channel] : providers_.channels()) {
    if (channel->connection == nullptr) continue;
    const auto interval = channel->connection->reread_interval();
    if (interval.count() > 0) intervals.push_back({id, static_cast<double>(interval.count())});
  }
  reread_at_ = now + longest_check_interval;
  if (intervals.empty()) return;
  reread_at_ = std::min(reread_at_, after_seconds(now, store::start_rereads(intervals)));
}

void Reader::start_due(SystemTime now) {
  check_at_ = now + longest_check_interval;
  if (providers_.channels().empty()) return;
  std::vector<store::ReadBackRow> rows;
  const auto error = session_.transaction("looking for records to read", [&] {
    if (!is_recovered_) store::recover_read_backs();
    if (now >= reread_at_) queue_rereads(now);
    const std::vector<store::ReadBackRequest> wanted = requests(now);
    if (!wanted.empty()) rows = store::claim_read_backs(wanted);
    std::vector<std::string> provider_ids;
    for (const auto& [id, channel] : providers_.channels()) provider_ids.push_back(id);
    for (const store::ReadBackTime& time : store::read_back_times(provider_ids)) {
      // Of a provider that may not be asked now, or has no place free, the end of a task or the clock says
      // when.
      const SystemTime due = after_seconds(now, std::min(time.seconds_to_next, 86'400.0));
      check_at_ = std::min(check_at_, std::max<SystemTime>(due, now + 1s));
    }
  });
  if (error) {
    check_at_ = now + 1s;
    if (!session_.leave()) log(WARNING, *error);
    return;
  }
  is_recovered_ = true;
  check_at_ = std::min(check_at_, std::max<SystemTime>(reread_at_, now + shortest_check_interval));
  start_together(std::move(rows), now);
}

// Records that were not tried before are read many at once where the provider can do that; what such a
// request did not find is then read alone, so that its answer says why.
void Reader::start_together(std::vector<store::ReadBackRow> rows, SystemTime now) {
  std::map<Group, std::vector<store::ReadBackRow>> groups;
  for (store::ReadBackRow& row : rows) {
    const auto channel = providers_.find(row.provider_id);
    const int batch = job::read_batch_size(*channel->connection, row.resource);
    if (batch <= 1 || row.attempts > first_attempt) {
      start({std::move(row)});
      continue;
    }
    std::vector<store::ReadBackRow>& group = groups[{row.provider_id, row.resource}];
    group.push_back(std::move(row));
    if (group.size() == static_cast<std::size_t>(batch)) start(std::exchange(group, {}));
  }
  for (auto& [key, group] : groups) {
    if (!group.empty()) start(std::move(group));
  }
  if (!rows.empty()) check_at_ = std::min<SystemTime>(check_at_, now + 1s);
}

void Reader::start(std::vector<store::ReadBackRow> rows) {
  auto task = std::make_unique<Task>();
  task->kind = TaskKind::read;
  task->channel = providers_.find(rows.front().provider_id);
  task->connection = task->channel->connection;
  task->resource = rows.front().resource;
  std::vector<std::string> ids;
  for (const store::ReadBackRow& row : rows) ids.push_back(row.source_record_id);
  task->reads = std::move(rows);
  ++task->channel->tasks;
  ++task->channel->reads;
  auto job = ids.size() == 1 ? job::make_read(task->connection, task->resource, ids.front())
                             : job::make_read_batch(task->connection, task->resource, ids);
  if (job) {
    task->job = std::move(job).value();
    dispatcher_.start(std::move(task));
    return;
  }
  job::Conclusion conclusion;
  conclusion.verdict = job::Verdict::rejected;
  conclusion.error = std::move(job).error();
  task->conclusion = std::move(conclusion);
  dispatcher_.finish(std::move(task));
}

}  // namespace cmms::pg
