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

// A path may end in a secret (webhook_scheme path_secret), in a wrong one as well.
bool holds_path(std::string_view name) {
  return name == "x-webhook-path" || name == "x-original-uri" || name == "x-forwarded-uri";
}

std::string without_last_segment(std::string_view path) {
  path = path.substr(0, path.find_first_of("?#"));
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path.substr(0, path.rfind('/') + 1)) + std::string(redacted_mark);
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
    const std::string kept = holds_path(name) ? without_last_segment(value) : value;
    json::append_quoted(text, is_secret_header(name) ? std::string(redacted_mark) : redact(kept, secrets));
  }
  return text + "}";
}

}  // namespace cmms::pg
