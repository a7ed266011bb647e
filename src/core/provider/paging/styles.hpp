// The paging styles that exist; the table in paging.cpp lists them.
#pragma once

#include "core/provider/paging.hpp"

namespace cmms::provider {

extern const PagingStyle none_paging;  // the whole list in one answer
extern const PagingStyle page_paging;  // page=1&per_page=50

// A paging parameter of the descriptor with its placeholders filled in; empty when it is not given.
Result<std::string> paging_parameter(const PagingSpec& spec, const Connection& connection,
                                     std::string_view name);

}  // namespace cmms::provider
