// Templates of descriptors: "{work_order_path}/{source_id}". A placeholder names an option, a credential or a
// variable of the request; "{name?}" may be empty; "{name:odata}" is written as that kind of literal before
// it is escaped; "{{" and "}}" are literal braces.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace cmms::provider {

enum class Escape : std::uint8_t {
  none,
  path,   // percent-encoded for one path segment: '/' is encoded too
  query,  // percent-encoded for a query parameter
};

struct Substitute {
  std::string_view text;
  bool is_template = false;  // expanded in turn and not escaped: an option that is itself a path
};

// nullopt: there is no such name, or it has no value.
using TemplateLookup = std::function<std::optional<Substitute>(std::string_view name)>;

// nullopt when a placeholder without '?' is absent or empty: the caller leaves the header or parameter out.
Result<std::optional<std::string>> expand(std::string_view text, const TemplateLookup& lookup, Escape escape);

// The names that a template refers to; an error when its braces do not match.
Result<std::vector<std::string>> template_names(std::string_view text);

// A text as a template that expands to it.
std::string literal_text(std::string_view text);

std::string percent_encode(std::string_view text);  // all but RFC 3986's unreserved characters

}  // namespace cmms::provider
