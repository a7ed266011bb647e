#include "pg/worker/exchange_log.hpp"

#include "core/exchange/redact.hpp"
#include "core/json/text.hpp"

namespace cmms::pg {
namespace {

// jsonb takes neither bytes that are not UTF-8 nor the character NUL.
std::string storable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t valid = json::valid_utf8_length(text);
    result.append(text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) break;
    result.push_back('?');
    text.remove_prefix(1);
  }
  for (char& byte : result) {
    if (byte == '\0') byte = '?';
  }
  return result;
}

void append_body(std::string& object, const Task& task, const std::string& body, std::size_t body_bytes) {
  if (body_bytes == 0 || body.empty()) return;
  object += ",\"body\":";
  json::append_quoted(object, json::clip(storable(masked(task, body)), body_bytes));
}

std::optional<std::string> request_json(const Task& task, std::size_t body_bytes) {
  if (!task.trace.was_sent) return std::nullopt;
  const auto secrets = task.connection->secrets();
  std::string object = "{\"method\":" + json::quote(task.trace.method);
  object += ",\"url\":" + json::quote(storable(redact_url(task.trace.url, secrets)));
  if (task.items > 0) object += ",\"items\":" + std::to_string(task.items);
  append_body(object, task, task.trace.request_body, body_bytes);
  return object + "}";
}

std::optional<std::string> response_json(const Task& task, std::size_t body_bytes) {
  if (!task.trace.was_sent || task.trace.http_status == 0) return std::nullopt;
  std::string object = "{\"status\":" + std::to_string(task.trace.http_status);
  if (!task.outcomes.empty()) object += ",\"outcomes\":" + task.outcomes;
  append_body(object, task, task.trace.response_body, body_bytes);
  return object + "}";
}

std::optional<std::string> unless_empty(std::string text) {
  if (text.empty()) return std::nullopt;
  return text;
}

const char* direction_name(TaskKind kind) {
  switch (kind) {
    case TaskKind::push:
    case TaskKind::bulk:
      return "push";
    case TaskKind::lookup:
      return "lookup";
    case TaskKind::poll:
      return "poll";
    case TaskKind::read:
      return "read";
  }
  return "push";
}

}  // namespace

std::string masked(const Task& task, std::string text) {
  if (task.connection == nullptr) return text;
  return redact(std::move(text), task.connection->secrets());
}

std::string error_text(const Task& task) {
  if (!task.conclusion || !task.conclusion->error) return {};
  return storable(masked(task, task.conclusion->error->message));
}

store::SyncLogRow log_row(const Task& task, std::string_view outcome, std::size_t body_bytes) {
  store::SyncLogRow row;
  row.tenant_id = task.channel->tenant_id;
  row.provider_id = task.channel->provider_id;
  row.direction = direction_name(task.kind);
  row.outcome = outcome;
  if (task.connection != nullptr) row.map_version = task.connection->map_version;
  if (!is_queued(task)) {
    row.resource = task.resource;
    row.operation = task.kind == TaskKind::poll ? "list" : "read";
    if (task.kind == TaskKind::bulk) row.operation = task.write_name;
    if (task.reads.size() == 1) row.source_record_id = task.reads.front().source_record_id;
  } else {
    row.tenant_id = task.row.key.tenant_id;
    row.resource = task.row.key.resource;
    row.record_id = task.row.key.record_id;
    row.operation = task.row.operation;
    row.attempt = task.row.attempts;
    row.source_record_id = unless_empty(task.row.source_record_id);
  }
  if (task.conclusion) {
    const job::Conclusion& conclusion = *task.conclusion;
    if (!conclusion.source_record_id.empty()) row.source_record_id = conclusion.source_record_id;
    if (conclusion.error) row.error_class = std::string(error_class_name(conclusion.error->error_class));
    row.error = unless_empty(error_text(task));
  }
  row.http_status = task.trace.http_status;
  row.duration_microseconds = task.trace.duration.count();
  row.request = request_json(task, body_bytes);
  row.response = response_json(task, body_bytes);
  return row;
}

}  // namespace cmms::pg
