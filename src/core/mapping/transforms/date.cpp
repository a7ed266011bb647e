// date: the calendar day of an ISO 8601 date or time, as written: no time zone moves it. 0001-01-01 is null.
#include "core/mapping/transforms/transforms.hpp"

#include "core/mapping/iso_time.hpp"

namespace cmms::mapping::transforms {

Failure date(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  if (value.kind != json::Kind::string) return failure("is not an ISO 8601 date");
  const auto time = parse_iso_time(trimmed(value.text));
  if (!time) return failure("is not an ISO 8601 date");
  if (time->is_null_sentinel()) {
    value = json::Field::null();
    return success;
  }
  value.text = time->date_text();
  return success;
}

}  // namespace cmms::mapping::transforms
