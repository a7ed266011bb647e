// What reading and writing short-hand share.
#pragma once

#include <string_view>

#include "core/mapping/mapping.hpp"

namespace cmms::mapping {

// How short-hand calls a column of a resource's table, and the transform that it gets without being told.
struct ShortName {
  std::string_view name;  // empty: short-hand does not know the column
  std::string_view transform;
};
ShortName short_name(std::string_view target, std::string_view resource);

}  // namespace cmms::mapping
