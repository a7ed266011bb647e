#include "pg/prelude.hpp"

#include "pg/apply/tally.hpp"

#include <algorithm>

#include "core/json/text.hpp"

namespace cmms::pg {

void Tally::add(std::string_view outcome) { ++counts_[std::string(outcome)]; }

bool Tally::has_news() const {
  return std::any_of(counts_.begin(), counts_.end(), [](const auto& count) {
    return count.first != "unchanged" && count.first != "stale" && count.first != "ignored";
  });
}

std::string Tally::json() const {
  std::string text = "{";
  for (const auto& [outcome, count] : counts_) {
    if (text.size() > 1) text += ",";
    text += json::quote(outcome) + ":" + std::to_string(count);
  }
  return text + "}";
}

}  // namespace cmms::pg
