// Links to further pages in a provider's answers. Only their query is ever used, with our own path: the host
// in them may be one that we cannot reach, and credentials must not follow a link to another one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.hpp"
#include "core/path/path.hpp"
#include "core/provider/descriptor.hpp"

namespace cmms::provider {

// The link at `path`: a text, an object with "href", or an array of such objects of which the one whose "rel"
// is `relation` counts. Nullopt: there is none; empty: there is one that cannot be read.
std::optional<std::string> find_link(const json::Value& answer, const path::Path& path,
                                     std::string_view relation);

// "https://host/list?page=2&size=5#x" -> page, size; decoded. Empty: the link has no query.
std::vector<Parameter> link_query(std::string_view link);

}  // namespace cmms::provider
