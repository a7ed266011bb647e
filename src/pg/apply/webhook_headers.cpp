#include "pg/prelude.hpp"

#include "pg/apply/webhook_headers.hpp"

#include <algorithm>

#include "core/exchange/redact.hpp"
#include "core/json/field.hpp"
#include "core/json/text.hpp"

namespace cmms::pg {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& byte : result) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  }
  return result;
}

std::string header_text(const json::Value& value) {
  if (!value.is_array()) return json::Field::from(value).text;
  std::string joined;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (i > 0) joined += ", ";
    if (const auto element = value.element(i)) joined += json::Field::from(*element).text;
  }
  return joined;
}

}  // namespace

WebhookHeaders::WebhookHeaders(const json::Value& headers) {
  headers.each_member([&](std::string_view name, const json::Value& value) {
    headers_.emplace_back(lower(name), header_text(value));
    return true;
  });
  std::stable_sort(headers_.begin(), headers_.end(),
                   [](const auto& one, const auto& other) { return one.first < other.first; });
  // The same name in two spellings is a repeated header.
  std::vector<std::pair<std::string, std::string>> joined;
  for (auto& header : headers_) {
    if (!joined.empty() && joined.back().first == header.first) {
      joined.back().second += ", " + header.second;
    } else {
      joined.push_back(std::move(header));
    }
  }
  headers_ = std::move(joined);
}

std::optional<std::string_view> WebhookHeaders::find(std::string_view name) const {
  const std::string wanted = lower(name);
  const auto found =
      std::lower_bound(headers_.begin(), headers_.end(), wanted,
                       [](const auto& header, const std::string& other) { return header.first < other; });
  if (found == headers_.end() || found->first != wanted) return std::nullopt;
  return found->second;
}

std::string WebhookHeaders::masked_json(std::span<const std::string_view> secrets) const {
  std::string text = "{";
  for (const auto& [name, value] : headers_) {
    if (text.size() > 1) text.push_back(',');
    json::append_quoted(text, name);
    text.push_back(':');
    json::append_quoted(text, is_secret_header(name) ? std::string(redacted_mark) : redact(value, secrets));
  }
  return text + "}";
}

}  // namespace cmms::pg
