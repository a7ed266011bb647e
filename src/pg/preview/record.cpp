#include "pg/prelude.hpp"

#include "pg/preview/record.hpp"

#include <optional>
#include <string>

#include "core/json/equal.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

// The outcome, or why the database refuses the record. Nothing of it stays.
Applied try_to_apply(const provider::Connection& connection, std::string_view resource,
                     const InboundItem& item) {
  std::optional<Applied> applied;
  const std::optional<CapturedError> error = in_subtransaction([&] {
    applied = apply_inbound(connection, resource, {&item, 1}, "preview").front();
    raise(ERRCODE_TRANSACTION_ROLLBACK, "a preview is taken back");
  });
  if (applied) return *std::move(applied);
  return {.outcome = "refused", .common_work_order_id = std::nullopt, .detail = error_text(*error)};
}

// What the provider said last of the record; nothing where it is not here yet.
std::optional<json::Value> said_last(const provider::Connection& connection, std::string_view resource,
                                     const InboundItem& item) {
  static Statement statement("SELECT cmms.said_last($1, $2, $3, $4)", {TEXTOID, TEXTOID, TEXTOID, TEXTOID});
  const Rows rows = statement.execute(
      {connection.tenant_id, connection.provider_id, resource, item.inbound.source_record_id});
  if (rows.is_null(0, 0)) return std::nullopt;
  bool is_null = false;
  const Datum value = rows.datum(0, 0, &is_null);
  return jsonb_value(pg_call([&] { return DatumGetJsonbPCopy(value); }));
}

}  // namespace

std::vector<PreviewRow> preview_record(const provider::Connection& connection,
                                       const provider::ResourceMaps& maps, std::string_view resource,
                                       const InboundItem& item) {
  const Spi spi;
  const Applied applied = try_to_apply(connection, resource, item);
  const std::optional<json::Value> base = said_last(connection, resource, item);
  const bool is_written =
      applied.outcome == "created" || applied.outcome == "updated" || applied.outcome == "adopted";
  std::vector<PreviewRow> rows;
  for (const mapping::MappedField& field : item.inbound.mapped.fields) {
    PreviewRow row;
    row.target = field.target;
    row.result = field.value;
    const std::optional<json::Value> current = base ? base->member(field.target) : std::nullopt;
    if (current) row.current = current->text();
    const bool is_same = current && json::Field::from(*current) == field.value;
    row.decision = is_same ? "unchanged" : base ? "taken" : "set";
    if (applied.outcome == "stale") row.decision = "stale";
    row.would_write = is_written && !is_same;
    rows.push_back(std::move(row));
  }
  for (const mapping::Problem& problem : item.inbound.mapped.problems) {
    PreviewRow row;
    row.target = problem.target;
    row.decision = "held";
    row.error = problem.message;
    rows.push_back(std::move(row));
  }
  for (PreviewRow& row : rows) {
    row.outcome = applied.outcome;
    if (applied.outcome == "refused") row.error = applied.detail;
    add_source(maps.inbound, item.document, row);
  }
  return rows;
}

}  // namespace cmms::pg
