// timestamp: an ISO 8601 or RFC 3339 time in UTC. A text without an offset is UTC already; 0001-01-01 is
// null.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure timestamp(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  std::optional<UtcTime> time;
  if (auto refused = read_time(value, time)) return refused;
  return time ? write_time(value, *time) : success;
}

}  // namespace cmms::mapping::transforms
