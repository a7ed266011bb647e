// JSON as text: quoting, number syntax, UTF-8, and the scan that guards the parser.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cmms::json {

std::string quote(std::string_view text);          // "text" with what JSON requires escaped
std::string quote_clipped(std::string_view text);  // for a message: not more than its first 100 bytes
void append_quoted(std::string& out, std::string_view text);

// The length of the JSON number that `text` starts with; 0 when it does not start with one.
std::size_t number_length(std::string_view text);
// A JSON number, whole and of a size that PostgreSQL's numeric takes.
bool is_number(std::string_view text);
// Length and exponent within what PostgreSQL's numeric takes; `number` must have number syntax.
bool number_in_range(std::string_view number);

// The offset of the first byte that is not part of valid UTF-8; text.size() when all of it is.
std::size_t valid_utf8_length(std::string_view text);
// At most `max_bytes` of text, cut at a character boundary; an ellipsis "..." marks a cut.
std::string clip(std::string_view text, std::size_t max_bytes);

}  // namespace cmms::json
