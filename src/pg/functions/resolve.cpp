// cmms.resolve: a person decides a conflict. In C++ because only C++ can say that a value is the provider's.
#include "pg/prelude.hpp"

#include <string>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/origin.hpp"

namespace cmms::pg {
namespace {

void take_provider_value(std::string_view tenant_id, std::int64_t conflict_id) {
  static Statement statement(
      "SELECT cmms.take_provider_value(c) FROM cmms.conflict c WHERE c.tenant_id = $1 AND c.conflict_id = $2",
      {TEXTOID, INT8OID});
  const OriginScope origin(Origin::provider);
  statement.execute({tenant_id, conflict_id});
}

void send_hub_value(std::string_view tenant_id, std::int64_t conflict_id, const Param& value) {
  static Statement statement(
      "SELECT cmms.send_hub_value(c, $3) FROM cmms.conflict c WHERE c.tenant_id = $1 AND c.conflict_id = $2",
      {TEXTOID, INT8OID, JSONBOID});
  statement.execute({tenant_id, conflict_id, value});
}

void close(std::string_view tenant_id, std::int64_t conflict_id, std::string_view winner, const Param& note) {
  static Statement statement(
      "SELECT cmms.close_conflict(c, $3, $4) FROM cmms.conflict c WHERE c.tenant_id = $1 AND c.conflict_id = "
      "$2",
      {TEXTOID, INT8OID, TEXTOID, TEXTOID});
  statement.execute({tenant_id, conflict_id, winner, note});
}

void require_open(std::string_view tenant_id, std::int64_t conflict_id) {
  static Statement statement("SELECT cmms.open_conflict($1, $2)", {TEXTOID, INT8OID});
  statement.execute({tenant_id, conflict_id});
}

Datum resolve(FunctionCallInfo fcinfo) {
  for (int i = 0; i < 3; ++i) {
    if (fcinfo->args[i].isnull) {
      raise(ERRCODE_NULL_VALUE_NOT_ALLOWED, "tenant_id, conflict_id and winner must not be null");
    }
  }
  const std::string tenant_id(text_argument(fcinfo, 0));
  const std::int64_t conflict_id = PG_GETARG_INT64(1);
  const std::string winner(text_argument(fcinfo, 2));
  const bool has_value = !PG_ARGISNULL(3);
  if (winner != "provider" && winner != "hub" && winner != "value") {
    raise(ERRCODE_INVALID_PARAMETER_VALUE, "unknown winner \"" + winner + "\"", {},
          "Valid winners are: provider, hub, value.");
  }
  if (has_value != (winner == "value")) {
    raise(ERRCODE_INVALID_PARAMETER_VALUE,
          has_value ? "a value is given, but the winner is \"" + winner + "\""
                    : "winner \"value\" needs a value",
          {}, "The argument value goes with winner 'value'.");
  }
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  const Spi spi;
  require_open(tenant_id, conflict_id);
  if (winner == "provider") {
    take_provider_value(tenant_id, conflict_id);
  } else {
    send_hub_value(tenant_id, conflict_id,
                   has_value ? Param::datum(JSONBOID, PG_GETARG_DATUM(3)) : Param::null(JSONBOID));
  }
  const std::optional<std::string> note =
      PG_ARGISNULL(4) ? std::nullopt : std::optional(std::string(text_argument(fcinfo, 4)));
  close(tenant_id, conflict_id, winner, Param::text(note));
  return Datum{0};
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_resolve) { return cmms::pg::resolve(fcinfo); }
