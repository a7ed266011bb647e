#include "pg/prelude.hpp"

#include "pg/worker/bulk.hpp"

#include <map>
#include <string>
#include <utility>

#include "core/json/jansson.hpp"
#include "core/json/text.hpp"

namespace cmms::pg {
namespace {

using store::ClaimedRow;

job::Conclusion rejected(Error error) {
  job::Conclusion conclusion;
  conclusion.verdict = job::Verdict::rejected;
  conclusion.error = std::move(error);
  return conclusion;
}

TaskPointer make_member(const std::shared_ptr<ProviderChannel>& channel,
                        const std::shared_ptr<const provider::Connection>& connection, ClaimedRow row) {
  auto task = std::make_unique<Task>();
  task->kind = TaskKind::push;
  task->is_member = true;
  task->channel = channel;
  task->connection = connection;
  task->row = std::move(row);
  ++channel->tasks;
  return task;
}

// The rows of a task on their way into the tasks that come after it.
class Distribution {
 public:
  Distribution(std::shared_ptr<ProviderChannel> channel,
               std::shared_ptr<const provider::Connection> connection, std::vector<ClaimedRow> rows)
      : channel_(std::move(channel)), connection_(std::move(connection)), rows_(std::move(rows)) {}

  ClaimedRow& row(std::size_t position) { return rows_[position]; }

  Task& finish(std::size_t position, job::Conclusion conclusion) {
    TaskPointer task = make_member(channel_, connection_, std::move(rows_[position]));
    task->conclusion = std::move(conclusion);
    parts_.finished.push_back(std::move(task));
    return *parts_.finished.back();
  }

  void start(job::BulkGroup group, std::string_view resource, job::PushOperation operation) {
    if (group.members.empty()) return;
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < group.members.size(); ++i) {
      positions.push_back(std::exchange(group.members[i].position, i));
    }
    auto job = job::make_bulk_push(connection_, resource, operation, std::move(group));
    if (!job) {
      for (const std::size_t position : positions) finish(position, rejected(job.error()));
      return;
    }
    auto task = std::make_unique<Task>();
    task->kind = TaskKind::bulk;
    task->channel = channel_;
    task->connection = connection_;
    task->resource = resource;
    for (const std::size_t position : positions) task->rows.push_back(std::move(rows_[position]));
    task->bulk = job.value().get();
    task->job = std::move(job).value();
    ++channel_->tasks;
    parts_.ready.push_back(std::move(task));
  }

  BulkParts take() { return std::move(parts_); }

 private:
  std::shared_ptr<ProviderChannel> channel_;
  std::shared_ptr<const provider::Connection> connection_;
  std::vector<ClaimedRow> rows_;
  BulkParts parts_;
};

job::PushOperation operation_of(const ClaimedRow& row) {
  return job::parse_push_operation(row.operation).value_or(job::PushOperation::create);
}

Result<job::BulkPreparation> prepare(const provider::Connection& connection, const ClaimedRow& row) {
  job::PushInput input;
  input.resource = row.key.resource;
  input.operation = operation_of(row);
  input.changed_fields = row.changed_fields;
  input.source_record_id = row.source_record_id;
  input.reference = row.key.record_id;
  if (row.record) {
    Result<json::Document> document = json::Document::parse(*row.record);
    if (!document) return std::move(document).error();
    input.record = std::make_shared<const json::Document>(std::move(document).value());
  }
  return job::prepare_bulk(connection, input);
}

// {"accepted": 9998, "rejected": 2}
std::string outcomes_json(const std::vector<job::BulkEnd>& ended, std::size_t going_on) {
  std::map<std::string_view, std::size_t> counts;
  for (const job::BulkEnd& end : ended) ++counts[job::verdict_name(end.conclusion.verdict)];
  if (going_on > 0) counts["sent on"] = going_on;
  std::string text;
  for (const auto& [verdict, count] : counts) {
    text += (text.empty() ? "{" : ",") + json::quote(verdict) + ":" + std::to_string(count);
  }
  return text.empty() ? "{}" : text + "}";
}

// What the log shows of a single item.
void trace_item(const ExchangeTrace& whole, std::string item, Task& member) {
  member.trace = whole;
  member.trace.request_body = std::move(item);
  member.trace.response_body.clear();
}

}  // namespace

bool is_bulk_lane(const ProviderChannel& channel, std::string_view resource) {
  const auto lane = channel.lanes.find(resource);
  return lane != channel.lanes.end() && lane->second.bulk_items > 0;
}

bool is_repeatable_create(const ProviderChannel& channel, const ClaimedRow& row) {
  const provider::ResourceMaps* maps = channel.connection->maps(row.key.resource);
  return row.operation == "create" && maps != nullptr && maps->bulk.create &&
         maps->bulk.create->operation->repeatable;
}

BulkParts make_bulk(const std::shared_ptr<ProviderChannel>& channel, std::vector<ClaimedRow> rows) {
  const std::string resource = rows.front().key.resource;
  const job::PushOperation operation = operation_of(rows.front());
  const std::size_t size = rows.size();
  Distribution distribution(channel, channel->connection, std::move(rows));
  job::BulkGroup group;
  for (std::size_t i = 0; i < size; ++i) {
    Result<job::BulkPreparation> prepared = prepare(*channel->connection, distribution.row(i));
    if (!prepared) {
      distribution.finish(i, rejected(std::move(prepared).error()));
    } else if (auto* conclusion = std::get_if<job::Conclusion>(&prepared.value())) {
      distribution.finish(i, std::move(*conclusion));
    } else {
      job::BulkMember& member = std::get<job::BulkMember>(prepared.value());
      member.position = i;
      group.members.push_back(std::move(member));
      distribution.row(i).record.reset();  // its items hold what is sent: thousands of rows are under way
    }
  }
  distribution.start(std::move(group), resource, operation);
  BulkParts parts = distribution.take();
  for (TaskPointer& task : parts.ready) {
    task->holds_lane = true;
    ++channel->lanes.find(resource)->second.bulk_requests;
  }
  return parts;
}

BulkParts take_apart(Task& bulk) {
  const job::PushOperation operation = operation_of(bulk.rows.front());
  bulk.items = bulk.bulk->size();
  bulk.write_name = bulk.bulk->write_name();
  std::vector<job::BulkEnd> ended = bulk.bulk->take_ended();
  bulk.outcomes = outcomes_json(ended, bulk.rows.size() - ended.size());
  Distribution distribution(bulk.channel, bulk.connection, std::move(bulk.rows));
  for (job::BulkEnd& end : ended) {
    const bool is_refused = end.conclusion.verdict == job::Verdict::rejected;
    Task& member = distribution.finish(end.position, std::move(end.conclusion));
    if (is_refused) trace_item(bulk.trace, std::move(end.item), member);
  }
  for (job::BulkGroup& group : bulk.bulk->take_groups()) {
    distribution.start(std::move(group), bulk.resource, operation);
  }
  return distribution.take();
}

std::vector<TaskPointer> unsent_members(Task& bulk) {
  std::vector<TaskPointer> members;
  for (ClaimedRow& row : bulk.rows) {
    members.push_back(make_member(bulk.channel, bulk.connection, std::move(row)));
  }
  bulk.rows.clear();
  return members;
}

}  // namespace cmms::pg
