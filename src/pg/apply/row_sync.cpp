#include "pg/prelude.hpp"

#include "pg/apply/row_sync.hpp"

#include <algorithm>

#include "core/json/builder.hpp"
#include "core/provider/inbound.hpp"
#include "pg/apply/apply.hpp"
#include "pg/apply/event.hpp"
#include "pg/apply/held.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/origin.hpp"
#include "pg/store/uuid.hpp"

namespace cmms::pg {
namespace {

using mapping::Direction;
using mapping::Mapped;
using mapping::Operation;

std::string problem_of(const CapturedError& error) {
  const mapping::Problem problem{.kind = mapping::ProblemKind::bad_value,
                                 .target = {},
                                 .vocabulary = {},
                                 .value = {},
                                 .message = error_text(error)};
  return provider::problems_json({problem});
}

bool same_problems(const Mapped& one, const Mapped& other) {
  return std::equal(one.problems.begin(), one.problems.end(), other.problems.begin(), other.problems.end(),
                    [](const mapping::Problem& left, const mapping::Problem& right) {
                      return left.target == right.target && left.message == right.message;
                    });
}

// The fields of `after` that are not the same in `before`.
Mapped difference(const Mapped& before, Mapped after) {
  std::erase_if(after.fields, [&](const mapping::MappedField& field) {
    const json::Field* former = before.find(field.target);
    return former != nullptr && *former == field.value;
  });
  return after;
}

}  // namespace

std::optional<std::string> row_key(const std::vector<path::Path>& columns, const json::Value& document) {
  std::string list = "[";
  for (const path::Path& column : columns) {
    const std::optional<json::Field> value = column.first(document);
    if (!value || value->is_null()) return std::nullopt;
    if (columns.size() == 1) return value->text;
    list += (list.size() > 1 ? "," : "") + value->to_json();
  }
  return columns.empty() ? std::nullopt : std::optional(list + "]");
}

// An error that the database finds (a constraint, an illegal transition, a date that is none) rolls back only
// what was done for this row; the application's statement goes on.
template <class Body>
bool RowSync::isolated(const SourceRow& row, Body&& body) const {
  const std::optional<CapturedError> error = in_subtransaction([&] {
    const OriginScope origin(Origin::local);
    const Spi spi;
    body();
  });
  if (!error) return true;
  hold(row, problem_of(*error), error_text(*error));
  return false;
}

void RowSync::hold(const SourceRow& row, std::string problems, std::string reason) const {
  const Spi spi;
  hold_row({.tenant_id = map_.tenant_id,
            .provider_id = map_.provider_id,
            .map_name = map_.name,
            .row_key = row.key,
            .document = row.document,
            .problems = std::move(problems),
            .reason = std::move(reason)});
}

bool RowSync::hold_if_incomplete(const SourceRow& row, const Mapped& mapped) const {
  std::vector<mapping::Problem> problems = mapped.problems;
  if (!row.key) {
    problems.push_back({.kind = mapping::ProblemKind::missing_required,
                        .target = "key",
                        .vocabulary = {},
                        .value = {},
                        .message = "the row has no key: a key column is null"});
  }
  if (problems.empty()) return false;
  hold(row, provider::problems_json(problems), problems_text(problems));
  return true;
}

RowSync::Link RowSync::find_link(std::string_view key) const {
  static Statement statement(
      "SELECT (SELECT l.common_work_order_id FROM cmms.row_link l"
      " WHERE l.tenant_id = $1 AND l.provider_id = $2 AND l.map_name = $3 AND l.row_key = $4),"
      " EXISTS (SELECT FROM cmms.held_record h WHERE h.tenant_id = $1 AND h.provider_id = $2 AND h.resource "
      "= $3"
      " AND h.direction = 'row' AND h.source_record_id = $4)",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID});
  const Rows rows = statement.execute({map_.tenant_id, map_.provider_id, map_.name, key});
  return {.common_work_order_id = rows.text(0, 0), .is_held = rows.boolean(0, 1)};
}

bool RowSync::create(std::string_view key, const Mapped& mapped) const {
  TextList values;
  TextList present;
  map_.bind(mapped, values, present);
  const pg_uuid_t id = store::new_uuids(1).front();
  const Rows created =
      map_.create->execute({map_.tenant_id, map_.provider_id, Param::array(TEXTARRAYOID, values), map_.name,
                            table_name_, key, Param::uuid(id)});
  if (created.empty()) return false;
  if (created.boolean(0, 0)) release_row(map_.tenant_id, map_.provider_id, map_.name, key);
  return true;
}

void RowSync::update(std::string_view common_work_order_id, const Mapped& mapped) const {
  if (mapped.fields.empty()) return;
  TextList values;
  TextList present;
  map_.bind(mapped, values, present);
  map_.update->execute({map_.tenant_id, Param::uuid(common_work_order_id), Param::array(TEXTARRAYOID, values),
                        Param::array(BOOLARRAYOID, present)});
}

void RowSync::move_link(std::string_view old_key, std::string_view new_key) const {
  static Statement statement(
      "UPDATE cmms.row_link SET row_key = $5"
      " WHERE tenant_id = $1 AND provider_id = $2 AND map_name = $3 AND row_key = $4",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID});
  statement.execute({map_.tenant_id, map_.provider_id, map_.name, old_key, new_key});
}

void RowSync::write(const SourceRow& row, const std::string& old_key, const Mapped* changes) const {
  const auto mapped_for = [&](Operation operation) {
    return map_.fields.apply(row.document, map_.values, Direction::row, operation);
  };
  const Link link = find_link(old_key);
  if (link.common_work_order_id) {
    // After a hold everything is due, because the change that was held is not in `changes`.
    const bool all = changes == nullptr || link.is_held;
    update(*link.common_work_order_id, all ? mapped_for(Operation::update) : *changes);
    if (old_key != *row.key) move_link(old_key, *row.key);
  } else if (!create(*row.key, mapped_for(Operation::create))) {
    // Of another row with this key, maybe in another session just now.
    const Link other = find_link(*row.key);
    if (other.common_work_order_id) update(*other.common_work_order_id, mapped_for(Operation::update));
  }
  if (link.is_held) release_row(map_.tenant_id, map_.provider_id, map_.name, old_key);
}

bool RowSync::put(const SourceRow& row) {
  const Mapped mapped = map_.fields.apply(row.document, map_.values, Direction::row, Operation::create);
  if (hold_if_incomplete(row, mapped)) return false;
  return isolated(row, [&] {
    if (!create(*row.key, mapped)) write(row, *row.key, nullptr);
  });
}

bool RowSync::change(const SourceRow& before, const SourceRow& after) {
  const Mapped former = map_.fields.apply(before.document, map_.values, Direction::row, Operation::update);
  const Mapped current = map_.fields.apply(after.document, map_.values, Direction::row, Operation::update);
  const bool same_key = before.key == after.key;
  const Mapped changes = difference(former, current);
  if (same_key && changes.fields.empty() && same_problems(former, current)) return true;
  if (hold_if_incomplete(after, current)) return false;
  return isolated(after, [&] { write(after, before.key.value_or(*after.key), &changes); });
}

// An order that is final stays as it is: that its row is gone is only told.
void RowSync::tell_of_final_order(std::string_view key) const {
  static Statement statement(
      "SELECT w.common_work_order_id, w.common_status FROM cmms.row_link l"
      " JOIN cmms.work_order w USING (tenant_id, common_work_order_id) WHERE l.tenant_id = $1 AND "
      "l.provider_id = $2"
      " AND l.map_name = $3 AND l.row_key = $4 AND w.common_status <> 'cancelled'",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID});
  const Rows rows = statement.execute({map_.tenant_id, map_.provider_id, map_.name, key});
  if (rows.empty()) return;
  const std::string reason =
      "the row was deleted, but a work order cannot go from " + rows.text_or(0, 1, "") + " to cancelled";
  json::ObjectBuilder detail;
  (void)detail.set("map", json::Field::string(map_.name));
  (void)detail.set("row_key", json::Field::string(std::string(key)));
  (void)detail.set("reason", json::Field::string(reason));
  write_event({.event_type = "mapping.exception",
               .tenant_id = map_.tenant_id,
               .provider_id = map_.provider_id,
               .resource = "work_order",
               .record_id = rows.text(0, 0),
               .detail = detail.dump()});
}

void RowSync::cancel(std::string_view key) const {
  static Statement cancel_order(
      "UPDATE cmms.work_order w SET common_status = 'cancelled' FROM cmms.row_link l"
      " WHERE l.tenant_id = $1 AND l.provider_id = $2 AND l.map_name = $3 AND l.row_key = $4"
      " AND w.tenant_id = l.tenant_id AND w.common_work_order_id = l.common_work_order_id"
      " AND EXISTS (SELECT FROM cmms.transition t WHERE t.from_status = w.common_status AND t.to_status = "
      "'cancelled'"
      " AND t.allowed)",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID});
  static Statement forget(
      "DELETE FROM cmms.row_link WHERE tenant_id = $1 AND provider_id = $2 AND map_name = $3 AND row_key = "
      "$4",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID});
  if (cancel_order.execute({map_.tenant_id, map_.provider_id, map_.name, key}).empty())
    tell_of_final_order(key);
  forget.execute({map_.tenant_id, map_.provider_id, map_.name, key});
  release_row(map_.tenant_id, map_.provider_id, map_.name, key);
}

bool RowSync::remove(const SourceRow& row) {
  if (!row.key) return true;  // it never became an order
  return isolated(row, [&] { cancel(*row.key); });
}

}  // namespace cmms::pg
