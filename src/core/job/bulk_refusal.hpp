// Which items an answer refuses that refuses a bulk request as a whole: it names them by their place, as in
// {"[3].name": ["This value is too long"]}.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/path/path.hpp"

namespace cmms::job {

struct ItemError {
  std::string message;  // one line
  std::string fields;   // JSON object: {"name": [..]}
};

using ItemErrors = std::map<std::size_t, ItemError>;

// `paths` lead to objects whose members, or arrays whose texts, name items as "[3]". Empty: none is named.
ItemErrors read_item_errors(std::string_view body, const std::vector<path::Path>& paths, std::size_t items);

}  // namespace cmms::job
