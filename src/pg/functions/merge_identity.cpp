// cmms.merge_identity: a person says that two references are one. In C++ because only C++ can say that a
// change of orders is not to be sent.
#include "pg/prelude.hpp"

#include <optional>
#include <string>
#include <vector>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/origin.hpp"

namespace cmms::pg {
namespace {

std::optional<std::string> optional_text(FunctionCallInfo fcinfo, int position) {
  if (PG_ARGISNULL(position)) return std::nullopt;
  return std::string(text_argument(fcinfo, position));
}

std::int64_t merge_identity(FunctionCallInfo fcinfo) {
  static Statement statement("SELECT cmms.merge_references($1, $2, $3, $4, $5, $6, $7)",
                             {TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, TEXTOID, TEXTOID});
  const auto kind = optional_text(fcinfo, 0);
  const auto from_reference = optional_text(fcinfo, 1);
  const auto to_reference = optional_text(fcinfo, 2);
  const bool is_rewriting = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
  const auto provider_id = optional_text(fcinfo, 4);
  const auto tenant_id = optional_text(fcinfo, 5);
  const auto note = optional_text(fcinfo, 6);
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  const Spi spi;
  const OriginScope origin(Origin::provider);
  return statement
      .execute({Param::text(tenant_id), Param::text(kind), Param::text(from_reference),
                Param::text(to_reference), Param::datum(BOOLOID, BoolGetDatum(is_rewriting)),
                Param::text(provider_id), Param::text(note)})
      .integer(0, 0);
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_merge_identity) { return Int64GetDatum(cmms::pg::merge_identity(fcinfo)); }
