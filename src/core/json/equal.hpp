// Whether two JSON values say the same.
#pragma once

#include "core/json/value.hpp"

namespace cmms::json {

// As jsonb compares: the order of members and the way a number is written do not count (1.50 is 1.5).
bool equal(const Value& left, const Value& right);

}  // namespace cmms::json
