#include "pg/prelude.hpp"

#include "pg/apply/reprocess.hpp"

#include <optional>
#include <vector>

#include "core/provider/webhook.hpp"
#include "pg/apply/apply.hpp"
#include "pg/apply/row_sync.hpp"
#include "pg/apply/webhook_headers.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/row_map.hpp"
#include "pg/json/jsonb_reader.hpp"
#include "pg/origin.hpp"
#include "pg/worker/wake.hpp"

namespace cmms::pg {
namespace {

void forget(const HeldRecord& held) {
  static Statement statement("DELETE FROM cmms.held_record WHERE tenant_id = $1 AND held_record_id = $2",
                             {TEXTOID, INT8OID});
  statement.execute({held.tenant_id, held.held_record_id});
}

Rows read_document(const HeldRecord& held) {
  static Statement statement(
      "SELECT document FROM cmms.held_record WHERE tenant_id = $1 AND held_record_id = $2",
      {TEXTOID, INT8OID});
  return statement.execute({held.tenant_id, held.held_record_id});
}

Rows read_event(const HeldRecord& held) {
  static Statement statement(
      "SELECT body, headers FROM cmms.webhook_event WHERE tenant_id = $1 AND webhook_event_id = $2",
      {TEXTOID, INT8OID});
  return statement.execute({held.tenant_id, held.webhook_event_id});
}

void conclude_event(const HeldRecord& held, const Applied& applied) {
  static Statement statement(
      "UPDATE cmms.webhook_event SET outcome = CASE WHEN $3 IN ('unchanged', 'stale', 'ignored') THEN $3 "
      "ELSE 'applied' END,"
      " http_status = 200, detail = $4, common_work_order_id = $5, processed_at = clock_timestamp()"
      " WHERE tenant_id = $1 AND webhook_event_id = $2",
      {TEXTOID, INT8OID, TEXTOID, TEXTOID, UUIDOID});
  statement.execute(
      {held.tenant_id, held.webhook_event_id, applied.outcome,
       Param::lossy_text(applied.detail.empty() ? "reprocessed" : "reprocessed: " + applied.detail),
       Param::uuid(applied.common_work_order_id)});
}

// The event once more, because it may say more than the record in it: "work_order.completed".
std::optional<Applied> apply_event(const provider::Connection& connection, const HeldRecord& held) {
  const Rows event = read_event(held);
  if (event.empty()) return std::nullopt;
  const std::string body = event.bytes(0, 0).value_or("");
  const WebhookHeaders headers(event.json(0, 1).value_or(json::Value()));
  const std::string_view text = std::string_view(body).starts_with("\xEF\xBB\xBF")
                                    ? std::string_view(body).substr(3)
                                    : std::string_view(body);
  const Datum document = jsonb_from_text(text);
  Result<provider::WebhookEvent> read = provider::read_webhook(
      connection, jsonb_value(reinterpret_cast<const Jsonb*>(DatumGetPointer(document))),
      [&](std::string_view name) { return headers.find(name); }, body);
  if (!read || read.value().ignored) return std::nullopt;
  for (provider::WebhookRecord& record : read.value().records) {
    const bool is_held_one =
        record.resource == held.resource && record.inbound.source_record_id == held.source_record_id;
    if (!is_held_one || record.read_back) continue;
    const InboundItem item{record.record, std::move(record.inbound)};
    return apply_inbound(connection, held.resource, {&item, 1}, "reprocess", held.webhook_event_id).front();
  }
  return std::nullopt;
}

std::string reprocess_inbound(const HeldRecord& held) {
  const auto provider = connection(held.provider_id, Secrets::optional);
  const Spi spi;
  std::optional<Applied> applied;
  if (held.webhook_event_id != 0) applied = apply_event(*provider, held);
  if (!applied) {
    const Rows rows = read_document(held);
    const json::Value document = rows.json(0, 0).value_or(json::Value());
    applied = apply_records(*provider, held.resource, {&document, 1}, "reprocess").front();
  }
  if (applied->outcome == "held") return applied->outcome;
  forget(held);
  if (held.webhook_event_id != 0) conclude_event(held, *applied);
  return applied->outcome;
}

// The table whose trigger uses the map; a row_link names it, for people only.
std::string table_of(const HeldRecord& held) {
  static Statement statement(
      "SELECT t.tgrelid::regclass::text FROM pg_catalog.pg_trigger t"
      " WHERE t.tgfoid = 'cmms.sync_row()'::regprocedure"
      " AND t.tgargs = convert_to($1, 'UTF8') || '\\x00'::bytea || convert_to($2, 'UTF8') || '\\x00'::bytea "
      "LIMIT 1",
      {TEXTOID, TEXTOID});
  const Rows rows = statement.execute({held.provider_id, held.resource});
  return rows.empty() ? held.resource : rows.text_or(0, 0, held.resource);
}

std::string reprocess_row(const HeldRecord& held) {
  if (held.source_record_id.empty()) return "held";  // without a key it cannot become an order
  const std::shared_ptr<const RowMap> map = row_map(held.provider_id, held.resource);
  const Spi spi;
  const Rows rows = read_document(held);
  SourceRow row;
  row.document = rows.json(0, 0).value_or(json::Value());
  row.key = held.source_record_id;
  return RowSync(*map, table_of(held)).put(row) ? "applied" : "held";
}

// Only the push itself can tell whether everything is mapped now.
std::string reprocess_outbound(const HeldRecord& held) {
  static Statement statement(
      "WITH requeued AS (UPDATE cmms.outbox SET state = 'pending', attempts = 0, next_attempt_at = now()"
      " WHERE tenant_id = $1 AND resource = $2 AND record_id = $3 AND state = 'held' RETURNING record_id)"
      " UPDATE cmms.work_order w SET sync_state = 'pending' FROM requeued r"
      " WHERE w.tenant_id = $1 AND w.common_work_order_id = r.record_id",
      {TEXTOID, TEXTOID, UUIDOID});
  const OriginScope origin(Origin::worker);
  const Spi spi;
  statement.execute({held.tenant_id, held.resource, Param::uuid(held.source_record_id)});
  forget(held);
  wake_worker_at_commit();
  return "pending";
}

}  // namespace

HeldRecord require_held_record(std::string_view tenant_id, std::int64_t held_record_id) {
  static Statement statement(
      "SELECT provider_id, resource, direction, source_record_id, webhook_event_id FROM cmms.held_record"
      " WHERE tenant_id = $1 AND held_record_id = $2 FOR UPDATE",
      {TEXTOID, INT8OID});
  const Spi spi;
  const Rows rows = statement.execute({tenant_id, held_record_id});
  if (rows.empty()) {
    raise(ERRCODE_NO_DATA_FOUND, "held record " + std::to_string(held_record_id) + " does not exist", {},
          "The held records are the rows of cmms.held_record.");
  }
  HeldRecord held;
  held.tenant_id = tenant_id;
  held.held_record_id = held_record_id;
  held.provider_id = rows.text_or(0, 0, "");
  held.resource = rows.text_or(0, 1, "");
  held.direction = rows.text_or(0, 2, "");
  held.source_record_id = rows.text_or(0, 3, "");
  held.webhook_event_id = rows.integer(0, 4);
  return held;
}

std::string reprocess(const HeldRecord& held) {
  if (held.direction == "row") return reprocess_row(held);
  if (held.direction == "outbound") return reprocess_outbound(held);
  return reprocess_inbound(held);
}

}  // namespace cmms::pg
