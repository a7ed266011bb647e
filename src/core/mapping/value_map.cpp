// Looking values up: exact first, folded second, never a guess.
#include "core/mapping/value_map.hpp"

namespace cmms::mapping {
namespace {

bool is_separator(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '-' || c == '_'; }

bool is_blank(char c) { return is_separator(c) && c != '-' && c != '_'; }

// "  In-Progress" -> "in_progress"; outer '-' and '_' count, outer white space does not.
std::string fold(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  std::string folded;
  folded.reserve(text.size());
  bool in_separator = false;
  for (const char c : text) {
    if (is_separator(c)) {
      if (!in_separator) folded.push_back('_');
      in_separator = true;
      continue;
    }
    in_separator = false;
    folded.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return folded;
}

}  // namespace

void ValueMap::add(std::string_view source, std::string_view target) {
  exact_.insert_or_assign(std::string(source), std::string(target));
  const std::string key = fold(source);
  const auto [entry, is_new] = folded_.try_emplace(key, std::string(target));
  if (is_new) return;
  // Another spelling is there already, or this one got a new target: all spellings must agree.
  entry->second = std::string(target);
  for (const auto& [other_source, other_target] : exact_) {
    if (other_target != target && fold(other_source) == key) entry->second.reset();
  }
}

std::optional<std::string_view> ValueMap::find(std::string_view source) const {
  if (const auto found = exact_.find(source); found != exact_.end()) return found->second;
  if (exact_.empty()) return std::nullopt;
  const auto found = folded_.find(fold(source));
  if (found == folded_.end() || !found->second) return std::nullopt;
  return *found->second;
}

}  // namespace cmms::mapping
