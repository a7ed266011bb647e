// How a list is read page by page: named strategies behind an explicit table. To add one: a file in paging/,
// its declaration in paging/styles.hpp and a line in paging.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/message.hpp"
#include "core/json/value.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::provider {

enum class Progress : std::uint8_t {
  end,     // this was the last page
  more,    // there may be another one
  broken,  // there is another one and the answer does not tell how to get it: never the end
};

// The position in one walk over a list.
class Pager {
 public:
  virtual ~Pager() = default;
  Pager() = default;
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;
  Pager(Pager&&) = delete;
  Pager& operator=(Pager&&) = delete;

  virtual void restart() = 0;                             // back to the first page
  virtual std::vector<Parameter> parameters() const = 0;  // of the current page, ready to send
  // Whether they are the whole query, so that nothing else is to be sent with them.
  virtual bool is_whole_query() const { return false; }
  // Whether each page is found through the answer before it.
  virtual bool follows_answers() const { return false; }
  // After a page was read. A short page alone is no proof of the end, because servers clamp the page size
  // without a word.
  virtual Progress advance(const json::Value& answer, std::size_t record_count) = 0;
  // Whether pages can be asked for one after the other; otherwise one answer is all there is.
  virtual bool can_walk() const = 0;
};

struct PagingStyle {
  std::string_view name;
  std::vector<std::string_view> (*parameters)();  // the names that a descriptor may give
  std::vector<std::string_view> (*required)();    // and those that it must
  Result<std::unique_ptr<Pager>> (*make)(const PagingSpec& spec, const Connection& connection);
};

const PagingStyle* find_paging_style(std::string_view name);
std::vector<std::string_view> paging_style_names();

// What a list asks for: the operation's own query is added by the request. `query`: what the caller asks
// besides.
std::vector<Parameter> page_query(const Pager& pager, std::vector<Parameter> query);
Error broken_paging_error(const Connection& connection, std::string_view resource);

Result<std::unique_ptr<Pager>> make_pager(const Connection& connection, const PagingSpec& spec);
// The pager of a resource's list.
Result<std::unique_ptr<Pager>> make_pager(const Connection& connection, std::string_view resource);

}  // namespace cmms::provider
