// An id made of what an event says, for providers that send none.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace cmms::provider {

// The same parts give the same id, other parts another one.
std::string derived_id(std::initializer_list<std::string_view> parts);

}  // namespace cmms::provider
