// cmms.sync_row(provider_id, map_name): the row trigger that lets an application's own table take part.
#include "pg/prelude.hpp"

#include <string>
#include <vector>

#include "core/json/text.hpp"
#include "pg/apply/row_sync.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/catalog/row_map.hpp"
#include "pg/catalog/virtual_columns.hpp"
#include "pg/json/jsonb_reader.hpp"
#include "pg/json/row_jsonb.hpp"

namespace cmms::pg {
namespace {

const TriggerData& trigger_data(FunctionCallInfo fcinfo) {
  static constexpr const char* usage =
      "CREATE TRIGGER to_cmms AFTER INSERT OR UPDATE OR DELETE ON table_name"
      " FOR EACH ROW EXECUTE FUNCTION cmms.sync_row('provider_id', 'map_name')";
  const auto refuse = [&](const char* detail) {
    raise(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, "cmms.sync_row() is used in a wrong way", detail,
          std::string("Use it as in: ") + usage + ".");
  };
  if (!CALLED_AS_TRIGGER(fcinfo)) refuse("It is a trigger function and cannot be called otherwise.");
  const auto& data = *reinterpret_cast<const TriggerData*>(fcinfo->context);
  if (!TRIGGER_FIRED_AFTER(data.tg_event)) refuse("The trigger must be an AFTER trigger.");
  if (!TRIGGER_FIRED_FOR_ROW(data.tg_event)) refuse("The trigger must be FOR EACH ROW.");
  if (data.tg_trigger->tgnargs != 2)
    refuse("It takes two arguments: the provider and the name of a row map.");
  return data;
}

std::string qualified_name(Relation relation) {
  return pg_call([&] {
    return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                      RelationGetRelationName(relation));
  });
}

std::vector<path::Path> primary_key(Relation relation) {
  Bitmapset* columns =
      pg_call([&] { return RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY); });
  std::vector<path::Path> paths;
  for (int member = bms_next_member(columns, -1); member >= 0; member = bms_next_member(columns, member)) {
    const int number = member + FirstLowInvalidHeapAttributeNumber;
    const char* name = NameStr(TupleDescAttr(RelationGetDescr(relation), number - 1)->attname);
    Result<path::Path> path = path::Path::parse("$." + json::quote(name));
    if (!path) raise(path.error());
    paths.push_back(std::move(path).value());
  }
  if (paths.empty()) {
    raise(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
          "table " + qualified_name(relation) + " has no primary key",
          "cmms.sync_row() must be able to tell its rows apart.",
          "Add a primary key, or name the identifying column in the row map: {\"key\": \"column\", ...}.");
  }
  return paths;
}

SourceRow source_row(Relation relation, HeapTuple tuple, const std::vector<path::Path>& key) {
  SourceRow row;
  row.document = jsonb_value(row_jsonb(RelationGetDescr(relation), tuple));
  row.key = row_key(key, row.document);
  return row;
}

// Once per statement: what a statement's first row was allowed, its others are too.
void check_access(FunctionCallInfo fcinfo, const OwnerScope& scope, const RowMap& map, Relation relation) {
  static char checked;
  if (fcinfo->flinfo->fn_extra == &checked) return;
  scope.require_table_access(fcinfo->flinfo->fn_oid, relation->rd_rel->relowner, map.tenant_id);
  fcinfo->flinfo->fn_extra = &checked;
}

void sync(FunctionCallInfo fcinfo) {
  const TriggerData& data = trigger_data(fcinfo);
  Relation relation = data.tg_relation;
  const bool is_update = TRIGGER_FIRED_BY_UPDATE(data.tg_event);
  HeapTuple tuple = with_virtual_columns(relation, data.tg_trigtuple);
  HeapTuple changed = is_update ? with_virtual_columns(relation, data.tg_newtuple) : nullptr;
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  const std::shared_ptr<const RowMap> map = row_map(data.tg_trigger->tgargs[0], data.tg_trigger->tgargs[1]);
  check_access(fcinfo, scope, *map, relation);
  const std::vector<path::Path> key = map->key.empty() ? primary_key(relation) : map->key;
  RowSync rows(*map, qualified_name(relation));
  const SourceRow row = source_row(relation, tuple, key);
  if (TRIGGER_FIRED_BY_INSERT(data.tg_event)) {
    rows.put(row);
  } else if (is_update) {
    rows.change(row, source_row(relation, changed, key));
  } else if (TRIGGER_FIRED_BY_DELETE(data.tg_event)) {
    rows.remove(row);
  }
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_sync_row) {
  cmms::pg::sync(fcinfo);
  return PointerGetDatum(nullptr);
}
