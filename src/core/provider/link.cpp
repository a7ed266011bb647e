// Reading links.
#include "core/provider/link.hpp"

#include <algorithm>
#include <cstddef>

#include "core/exchange/ascii.hpp"

namespace cmms::provider {
namespace {

std::optional<std::string_view> text_member(const json::Value& object, std::string_view name) {
  const std::optional<json::Value> member = object.member(name);
  if (!member || !member->is_string()) return std::nullopt;
  return member->string();
}

int hex_digit(char c) {
  if (ascii::is_digit(c)) return c - '0';
  const char lower = ascii::to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// In a query a plus sign is a blank.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> find_link(const json::Value& answer, const path::Path& path,
                                     std::string_view relation) {
  const std::optional<json::Value> value = path.first_value(answer);
  if (!value || value->is_null()) return std::nullopt;
  if (value->is_string()) {
    if (value->string().empty()) return std::nullopt;
    return std::string(value->string());
  }
  if (value->is_object()) return std::string(text_member(*value, "href").value_or(""));
  if (!value->is_array()) return std::string();
  for (std::size_t i = 0; i < value->size(); ++i) {
    const json::Value link = *value->element(i);
    if (text_member(link, "rel") == relation) return std::string(text_member(link, "href").value_or(""));
  }
  return std::nullopt;
}

std::vector<Parameter> link_query(std::string_view link) {
  std::vector<Parameter> query;
  link = link.substr(0, link.find('#'));
  const std::size_t start = link.find('?');
  if (start == std::string_view::npos) return query;
  std::string_view rest = link.substr(start + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    query.push_back(
        {decoded(pair.substr(0, equals)), decoded(pair.substr(std::min(equals + 1, pair.size())))});
  }
  return query;
}

}  // namespace cmms::provider
