// The paging styles that exist; the table in paging.cpp lists them.
#pragma once

#include "core/provider/paging.hpp"

namespace cmms::provider {

extern const PagingStyle none_paging;        // the whole list in one answer
extern const PagingStyle page_paging;        // page=1&per_page=50
extern const PagingStyle offset_paging;      // $skip=50&$top=50
extern const PagingStyle cursor_paging;      // a token in each answer leads to the next page
extern const PagingStyle next_link_paging;   // a link in each answer
extern const PagingStyle skip_token_paging;  // a token in that link, sent with our own query

// The query parameter of the page size, and the size.
struct PageSize {
  std::string parameter;  // empty: none is sent
  std::int64_t records = 0;

  void append_to(std::vector<Parameter>& query) const;
};

// A paging parameter of the descriptor with its placeholders filled in; empty when it is not given.
Result<std::string> paging_parameter(const PagingSpec& spec, const Connection& connection,
                                     std::string_view name);
Result<std::int64_t> paging_number(const PagingSpec& spec, const Connection& connection,
                                   std::string_view name, std::int64_t fallback);
Result<path::Path> paging_path(const PagingSpec& spec, const Connection& connection, std::string_view name);
Result<PageSize> paging_size(const PagingSpec& spec, const Connection& connection);  // size, page_size

}  // namespace cmms::provider
