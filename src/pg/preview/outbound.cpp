// cmms.preview_outbound and cmms.preview_request: what would be sent of a work order now, without sending it.
#include "pg/prelude.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/job/push.hpp"
#include "core/sqlstate.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/result_set.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/mapping/environment.hpp"
#include "pg/preview/preview_row.hpp"

namespace cmms::pg {
namespace {

// A work order as the worker would claim it.
struct Claimable {
  std::string tenant_id;
  std::string provider_id;
  job::PushInput input;
};

Claimable read_order(std::string_view common_work_order_id) {
  static Statement statement(
      "SELECT w.tenant_id, w.provider_id, w.source_work_order_id,"
      " to_jsonb(cmms.in_provider_words(w))::text, q.operation,"
      " coalesce(q.changed_fields, cmms.work_order_changes(NULL, w))"
      " FROM cmms.work_order w LEFT JOIN cmms.outbox q ON q.tenant_id = w.tenant_id"
      " AND q.resource = 'work_order' AND q.record_id = w.common_work_order_id"
      " WHERE w.common_work_order_id = $1",
      {UUIDOID});
  const Rows rows = statement.execute({Param::uuid(common_work_order_id)});
  if (rows.empty()) {
    raise(ERRCODE_NO_DATA_FOUND, "work order " + std::string(common_work_order_id) + " does not exist");
  }
  Claimable order{.tenant_id = rows.text_or(0, 0, ""), .provider_id = rows.text_or(0, 1, ""), .input = {}};
  job::PushInput& input = order.input;
  input.source_record_id = rows.text_or(0, 2, "");
  input.operation =
      job::parse_push_operation(rows.text_or(0, 4, input.source_record_id.empty() ? "create" : "update"))
          .value_or(job::PushOperation::update);
  Result<json::Document> record = json::Document::parse(rows.text_or(0, 3, "{}"));
  if (!record) raise(record.error());
  input.record = std::make_shared<const json::Document>(std::move(record).value());
  input.reference = common_work_order_id;
  for (std::optional<std::string>& field : rows.list(0, 5)) {
    if (field) input.changed_fields.push_back(*std::move(field));
  }
  return order;
}

struct Planned {
  std::shared_ptr<const provider::Connection> connection;
  Claimable order;
  job::PushPreview push;
};

Planned plan(FunctionCallInfo fcinfo, std::string_view common_work_order_id, std::string_view provider_id) {
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  const TrialScope trial;
  Planned planned;
  {
    const Spi spi;
    planned.order = read_order(common_work_order_id);
  }
  scope.require_access(planned.order.tenant_id);
  if (!provider_id.empty() && planned.order.provider_id != provider_id) {
    raise(ERRCODE_INVALID_PARAMETER_VALUE,
          "the work order belongs to provider \"" + planned.order.provider_id + "\"");
  }
  planned.connection = connection(planned.order.provider_id, Secrets::optional);
  Result<job::PushPreview> push = job::preview_push(planned.connection, planned.order.input);
  if (!push) raise(push.error());
  planned.push = std::move(push).value();
  return planned;
}

std::string outcome_of(const Planned& planned) {
  if (std::holds_alternative<Request>(planned.push.first)) {
    return std::string(job::push_operation_name(planned.order.input.operation));
  }
  const auto& conclusion = std::get<job::Conclusion>(planned.push.first);
  return conclusion.verdict == job::Verdict::synchronized
             ? "nothing"
             : std::string(job::verdict_name(conclusion.verdict));
}

std::string decision_of(const PreviewRow& row, const mapping::Rule& rule, const job::PushInput& input) {
  if (row.error) return "held";
  if (row.result) return "sent";
  const bool is_create = input.operation == job::PushOperation::create;
  if (rule.on_operation == mapping::OnOperation::create && !is_create) return "create_only";
  if (rule.on_operation == mapping::OnOperation::update && is_create) return "update_only";
  return is_create ? "left_out" : "unchanged";
}

std::vector<PreviewRow> preview_rows(const Planned& planned) {
  const provider::ResourceMaps* maps = planned.connection->maps(planned.order.input.resource);
  const std::string outcome = outcome_of(planned);
  std::vector<PreviewRow> rows;
  if (maps == nullptr || planned.order.input.operation == job::PushOperation::remove) return rows;
  for (const mapping::Rule& rule : maps->outbound.rules()) {
    PreviewRow row;
    row.outcome = outcome;
    row.target = rule.target;
    add_source(maps->outbound, planned.order.input.record->root(), row);
    if (const json::Field* field = planned.push.mapped.find(rule.target)) row.result = *field;
    add_error(planned.push.mapped, row);
    row.decision = decision_of(row, rule, planned.order.input);
    row.would_write = row.result && std::holds_alternative<Request>(planned.push.first);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string uuid_text(FunctionCallInfo fcinfo, int position) {
  const Datum value = fcinfo->args[position].value;
  char* text = pg_call([&] { return DatumGetCString(DirectFunctionCall1(uuid_out, value)); });
  return text;
}

Datum preview_outbound(FunctionCallInfo fcinfo) {
  const std::string provider_id(text_argument(fcinfo, 0));
  const Planned planned = plan(fcinfo, uuid_text(fcinfo, 1), provider_id);
  ResultSet result(fcinfo);
  for (const PreviewRow& row : preview_rows(planned)) {
    write_row(result, row, planned.connection->map_version);
  }
  return result.done();
}

Datum preview_request(FunctionCallInfo fcinfo) {
  const Planned planned = plan(fcinfo, uuid_text(fcinfo, 0), {});
  ResultSet result(fcinfo);
  if (const auto* request = std::get_if<Request>(&planned.push.first)) {
    std::string follows = planned.push.follows;
    if (!follows.empty()) follows.insert(0, "then, from the status that the provider said last: ");
    result.add({outcome_of(planned), request->method, request->url,
                request->body.empty() ? Param::null(JSONBOID) : Param::json(request->body),
                follows.empty() ? Param::null(TEXTOID) : Param(follows)});
  } else {
    const auto& conclusion = std::get<job::Conclusion>(planned.push.first);
    const std::string reason =
        conclusion.error ? conclusion.error->message : "no field that the provider knows has changed";
    result.add(
        {outcome_of(planned), Param::null(TEXTOID), Param::null(TEXTOID), Param::null(JSONBOID), reason});
  }
  return result.done();
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_preview_outbound) { return cmms::pg::preview_outbound(fcinfo); }

CMMS_FUNCTION(cmms_preview_request) { return cmms::pg::preview_request(fcinfo); }
