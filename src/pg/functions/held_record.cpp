// cmms.reprocess_held and cmms.map_value: what was held goes on once the missing value is mapped.
#include "pg/prelude.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "core/mapping/value_map.hpp"
#include "pg/apply/reprocess.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/functions/arguments.hpp"

namespace cmms::pg {
namespace {

struct ValueMapping {
  std::string provider_id;
  std::string tenant_id;
  std::string vocabulary;
  mapping::ValueRule rule;
  std::string direction;
  std::string resource;
};

mapping::Match match_argument(std::string_view name) {
  const std::optional<mapping::Match> match = mapping::parse_match(name);
  if (match) return *match;
  raise(ERRCODE_INVALID_PARAMETER_VALUE, "unknown way of matching \"" + std::string(name) + "\"", {},
        "Valid ways are: " + mapping::match_names() + ".");
}

// What the words must be, the trigger of value_map knows.
void check(const ValueMapping& value) {
  if (value.direction != "inbound" && value.direction != "outbound" && value.direction != "row") {
    raise(ERRCODE_INVALID_PARAMETER_VALUE, "unknown direction \"" + value.direction + "\"", {},
          "Valid directions are: inbound, outbound, row.");
  }
  if (Status status = mapping::check_value_rule(value.rule); !status) raise(status.error());
}

void store(const ValueMapping& value) {
  static Statement upsert(
      "INSERT INTO cmms.value_map (provider_id, resource, vocabulary, direction, source_value, target_value, "
      "match, precedence) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
      " ON CONFLICT (provider_id, resource, vocabulary, direction, source_value)"
      " DO UPDATE SET target_value = excluded.target_value, match = excluded.match, precedence = "
      "excluded.precedence",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID});
  upsert.execute({value.provider_id, value.resource, value.vocabulary, value.direction, value.rule.source,
                  value.rule.target, mapping::match_name(value.rule.match),
                  static_cast<std::int32_t>(value.rule.precedence)});
}

// The rule may be for more values than the one that it names.
void forget_unmapped(const ValueMapping& value) {
  static Statement select(
      "SELECT value FROM cmms.unmapped_value WHERE tenant_id = $1 AND provider_id = $2 AND resource = $3"
      " AND vocabulary = $4 AND direction = $5",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID});
  static Statement forget(
      "DELETE FROM cmms.unmapped_value WHERE tenant_id = $1 AND provider_id = $2 AND resource = $3"
      " AND vocabulary = $4 AND direction = $5 AND value = ANY ($6)",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID});
  const Rows rows =
      select.execute({value.tenant_id, value.provider_id, value.resource, value.vocabulary, value.direction});
  mapping::ValueMap map;
  map.add(value.rule);
  TextList mapped;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string met = rows.text_or(i, 0, "");
    if (map.find(met)) mapped.emplace_back(std::move(met));
  }
  if (mapped.empty()) return;
  forget.execute({value.tenant_id, value.provider_id, value.resource, value.vocabulary, value.direction,
                  Param::array(TEXTARRAYOID, mapped)});
}

std::vector<std::int64_t> held_for(const ValueMapping& value) {
  static Statement statement(
      "SELECT held_record_id FROM cmms.held_record WHERE tenant_id = $1 AND provider_id = $2 AND resource = "
      "$3"
      " AND direction = $4 AND problems @> jsonb_build_array(jsonb_build_object('vocabulary', $5))"
      " ORDER BY held_record_id",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID});
  const Rows rows = statement.execute(
      {value.tenant_id, value.provider_id, value.resource, value.direction, value.vocabulary});
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < rows.size(); ++i) ids.push_back(rows.integer(i, 0));
  return ids;
}

// One record that fails holds back only itself.
bool goes_through(std::string_view tenant_id, std::int64_t held_record_id) {
  std::string outcome;
  const std::optional<CapturedError> error =
      in_subtransaction([&] { outcome = reprocess(require_held_record(tenant_id, held_record_id)); });
  if (error) {
    log(WARNING,
        "held record " + std::to_string(held_record_id) + " could not be processed: " + error->message,
        error->detail, error->hint);
  }
  return !error && outcome != "held";
}

std::int64_t map_value(FunctionCallInfo fcinfo) {
  ValueMapping value;
  value.provider_id = text_argument(fcinfo, 0);
  value.vocabulary = text_argument(fcinfo, 1);
  value.rule = {.source = std::string(text_argument(fcinfo, 2)),
                .target = std::string(text_argument(fcinfo, 3)),
                .match = match_argument(text_argument(fcinfo, 6)),
                .precedence = PG_GETARG_INT32(7)};
  value.direction = text_argument(fcinfo, 4);
  value.resource = text_argument(fcinfo, 5);
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  const Server server = require_server(value.provider_id);
  scope.require_server_owner(server, value.provider_id);
  value.tenant_id = server.tenant_id();
  std::vector<std::int64_t> held;
  {
    const Spi spi;
    check(value);
    store(value);
    forget_unmapped(value);
    held = held_for(value);
  }
  std::int64_t count = 0;
  for (const std::int64_t id : held) {
    check_for_interrupts();
    if (goes_through(value.tenant_id, id)) ++count;
  }
  return count;
}

Datum reprocess_held(FunctionCallInfo fcinfo) {
  const std::string tenant_id(text_argument(fcinfo, 0));
  std::string outcome;
  {
    const OwnerScope scope(fcinfo->flinfo->fn_oid);
    scope.require_access(tenant_id);
    outcome = reprocess(require_held_record(tenant_id, PG_GETARG_INT64(1)));
  }
  return Param(outcome).to_datum();
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_map_value) { return Int64GetDatum(cmms::pg::map_value(fcinfo)); }

CMMS_FUNCTION(cmms_reprocess_held) { return cmms::pg::reprocess_held(fcinfo); }
