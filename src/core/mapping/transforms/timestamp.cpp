// timestamp: an ISO 8601 or RFC 3339 time in UTC. A text without an offset is UTC already; 0001-01-01 is
// null.
#include "core/mapping/transforms/transforms.hpp"

#include "core/mapping/iso_time.hpp"

namespace cmms::mapping::transforms {

Failure timestamp(json::Field& value, std::string_view /*argument*/, const TransformContext& /*context*/) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  if (value.kind != json::Kind::string) return failure("is not an ISO 8601 timestamp");
  const auto time = parse_iso_time(trimmed(value.text));
  if (!time) return failure("is not an ISO 8601 timestamp");
  if (time->is_null_sentinel()) {
    value = json::Field::null();
    return success;
  }
  auto text = time->utc_text();
  if (!text) return failure("is not within the years 0001 to 9999 in UTC");
  value.text = *std::move(text);
  return success;
}

}  // namespace cmms::mapping::transforms
