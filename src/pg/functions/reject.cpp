// cmms.reject: a person refuses what waits for approval. In C++ because only C++ can say that a value is the
// provider's.
#include "pg/prelude.hpp"

#include <optional>
#include <string>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/origin.hpp"

namespace cmms::pg {
namespace {

bool reject(FunctionCallInfo fcinfo) {
  static Statement statement("SELECT cmms.drop_draft($1, $2)", {UUIDOID, TEXTOID});
  const std::optional<std::string> reason =
      PG_ARGISNULL(1) ? std::nullopt : std::optional(std::string(text_argument(fcinfo, 1)));
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  const Spi spi;
  const OriginScope origin(Origin::provider);
  const Param record_id = PG_ARGISNULL(0) ? Param::null(UUIDOID) : Param::datum(UUIDOID, PG_GETARG_DATUM(0));
  return statement.execute({record_id, Param::text(reason)}).boolean(0, 0);
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_reject) { return BoolGetDatum(cmms::pg::reject(fcinfo)); }
