#include "pg/prelude.hpp"

#include "pg/functions/arguments.hpp"

#include "pg/boundary/guard.hpp"

namespace cmms::pg {
namespace {

std::string_view varlena_argument(FunctionCallInfo fcinfo, int position) {
  const auto* value = pg_call([&] { return PG_DETOAST_DATUM_PACKED(fcinfo->args[position].value); });
  return {VARDATA_ANY(value), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(value))};
}

}  // namespace

std::string_view text_argument(FunctionCallInfo fcinfo, int position) {
  return varlena_argument(fcinfo, position);
}

std::string_view bytes_argument(FunctionCallInfo fcinfo, int position) {
  return varlena_argument(fcinfo, position);
}

const Jsonb* jsonb_argument(FunctionCallInfo fcinfo, int position) {
  return pg_call([&] { return DatumGetJsonbP(fcinfo->args[position].value); });
}

std::chrono::milliseconds interval_argument(FunctionCallInfo fcinfo, int position) {
  return pg_call([&] {
    const TimestampTz now = GetCurrentTimestamp();
    const TimestampTz then = DatumGetTimestampTz(
        DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now), fcinfo->args[position].value));
    return std::chrono::milliseconds((then - now) / 1000);
  });
}

}  // namespace cmms::pg
