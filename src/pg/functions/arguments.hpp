// The arguments of SQL functions as C++ values. None of these may be NULL: the functions are STRICT or ask
// before.
#pragma once

#include "pg/prelude.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace cmms::pg {

// Views live as long as the call.
std::string_view text_argument(FunctionCallInfo fcinfo, int position);
std::string_view bytes_argument(FunctionCallInfo fcinfo, int position);
const Jsonb* jsonb_argument(FunctionCallInfo fcinfo, int position);
std::chrono::milliseconds interval_argument(FunctionCallInfo fcinfo,
                                            int position);  // from now on; a month is one

}  // namespace cmms::pg
