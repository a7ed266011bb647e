// Errors that name items by their place.
#include "core/job/bulk_refusal.hpp"

#include <optional>
#include <utility>

#include "core/exchange/ascii.hpp"
#include "core/json/jansson.hpp"
#include "core/json/text.hpp"

namespace cmms::job {
namespace {

constexpr std::size_t max_message_bytes = 300;

struct Named {
  std::size_t item = 0;
  std::string_view field;  // ".name" without its dot; empty: the item itself
};

// The first "[3]" of a text.
std::optional<Named> find_item(std::string_view text, std::size_t items) {
  for (std::size_t open = text.find('['); open != std::string_view::npos; open = text.find('[', open + 1)) {
    const std::size_t close = text.find(']', open);
    if (close == std::string_view::npos) return std::nullopt;
    const auto number = ascii::parse_digits(text.substr(open + 1, close - open - 1));
    if (!number || static_cast<std::uint64_t>(*number) >= items) continue;
    std::string_view field = text.substr(close + 1);
    if (field.starts_with('.')) field.remove_prefix(1);
    return Named{static_cast<std::size_t>(*number), field};
  }
  return std::nullopt;
}

// "name: This value is too long", of a text or a list of texts.
std::string sentence(std::string_view field, const json::Value& value) {
  const std::optional<json::Value> first = value.is_array() ? value.element(0) : std::optional(value);
  std::string text(field);
  if (first && first->is_string()) {
    if (!text.empty()) text += ": ";
    text += first->string();
  }
  return json::clip(text, max_message_bytes);
}

void add(ItemErrors& errors, const Named& named, const json::Value& value) {
  ItemError& error = errors[named.item];
  const std::string message = sentence(named.field, value);
  if (!error.message.empty()) error.message += "; ";
  error.message = json::clip(error.message + message, max_message_bytes);
  error.fields += error.fields.empty() ? "{" : ",";
  error.fields += json::quote(named.field) + ":" + value.text();
}

}  // namespace

ItemErrors read_item_errors(std::string_view body, const std::vector<path::Path>& paths, std::size_t items) {
  ItemErrors errors;
  const Result<json::Document> document = json::Document::parse(body);
  if (!document) return errors;
  for (const path::Path& path : paths) {
    const std::optional<json::Value> found = path.first_value(document.value().root());
    if (!found) continue;
    found->each_member([&](std::string_view name, const json::Value& value) {
      if (const auto named = find_item(name, items)) add(errors, *named, value);
      return true;
    });
    for (std::size_t i = 0; found->is_array() && i < found->size(); ++i) {
      const json::Value text = *found->element(i);
      if (!text.is_string()) continue;
      if (const auto named = find_item(text.string(), items)) add(errors, {named->item, {}}, text);
    }
  }
  for (auto& [item, error] : errors) error.fields += "}";
  return errors;
}

}  // namespace cmms::job
