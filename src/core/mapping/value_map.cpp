// Looking values up: exact first, folded second, codes and the default last, never a guess.
#include "core/mapping/value_map.hpp"

#include <algorithm>
#include <array>

#include "core/json/text.hpp"

namespace cmms::mapping {
namespace {

constexpr std::array<std::string_view, 5> names{"folded", "exact", "contains_code", "pair", "default"};
constexpr std::string_view any_value = "*";
constexpr std::string_view code_separators = " \t\r\n,;";

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

// What stands before the separator of a pair; all of a value that is none.
std::string_view first_half(std::string_view source) { return source.substr(0, source.find(pair_separator)); }

bool has_any_second(std::string_view source) {
  const std::size_t separator = source.find(pair_separator);
  return separator != std::string_view::npos && source.substr(separator + pair_separator.size()) == any_value;
}

std::vector<std::string> codes_of(std::string_view list) {
  std::vector<std::string> codes;
  while (true) {
    const std::size_t start = list.find_first_not_of(code_separators);
    if (start == std::string_view::npos) return codes;
    list.remove_prefix(start);
    const std::size_t end = std::min(list.find_first_of(code_separators), list.size());
    codes.push_back(fold(list.substr(0, end)));
    list.remove_prefix(end);
  }
}

}  // namespace

std::optional<Match> parse_match(std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Match>(found - names.begin());
}

std::string_view match_name(Match match) { return names[static_cast<std::size_t>(match)]; }

std::string match_names() {
  std::string list;
  for (const std::string_view name : names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

Status check_value_rule(const ValueRule& rule) {
  const auto refused = [&](std::string_view wanted) {
    return Error{ErrorClass::configuration,
                 "value " + json::quote_clipped(rule.source) + " cannot match as " +
                     std::string(match_name(rule.match)),
                 {},
                 std::string(wanted)};
  };
  const std::size_t separator = rule.source.find(pair_separator);
  if (rule.match == Match::default_value && rule.source != any_value) {
    return refused("The value of a default is *.");
  }
  if (rule.match == Match::pair && (separator == std::string::npos || separator == 0)) {
    return refused("Write a pair as status + sub status, or status + * for any sub status.");
  }
  const bool is_code =
      !rule.source.empty() && rule.source.find_first_of(code_separators) == std::string::npos;
  if (rule.match == Match::contains_code && !is_code) {
    return refused("A code has no blank, comma or semicolon.");
  }
  return Nothing{};
}

void ValueMap::add(const ValueRule& rule) {
  switch (rule.match) {
    case Match::default_value:
      default_ = rule.target;
      return;
    case Match::contains_code:
      codes_.push_back({fold(rule.source), rule.target, rule.precedence});
      return;
    case Match::exact:
      exact_.insert_or_assign(rule.source, Entry{rule.target, false});
      return;
    case Match::pair:
      if (has_any_second(rule.source)) {
        const auto [entry, is_new] = any_second_.try_emplace(fold(first_half(rule.source)), rule.target);
        if (!is_new && entry->second != rule.target) entry->second.reset();
        return;
      }
      [[fallthrough]];
    case Match::folded:
      add_folded(rule.source, rule.target);
  }
}

void ValueMap::add_folded(std::string_view source, std::string_view target) {
  exact_.insert_or_assign(std::string(source), Entry{std::string(target), true});
  const std::string key = fold(source);
  const auto [entry, is_new] = folded_.try_emplace(key, std::string(target));
  if (is_new) return;
  // Another spelling is there already, or this one got a new target: all spellings must agree.
  entry->second = std::string(target);
  for (const auto& [other_source, other] : exact_) {
    if (other.is_folded && other.target != target && fold(other_source) == key) entry->second.reset();
  }
}

// Codes of the lowest precedence that disagree give none.
std::optional<std::string_view> ValueMap::find_code(std::string_view source) const {
  if (codes_.empty()) return std::nullopt;
  const std::vector<std::string> listed = codes_of(source);
  const Code* best = nullptr;
  bool is_ambiguous = false;
  for (const Code& code : codes_) {
    if (std::find(listed.begin(), listed.end(), code.code) == listed.end()) continue;
    if (best == nullptr || code.precedence < best->precedence) {
      best = &code;
      is_ambiguous = false;
    } else if (code.precedence == best->precedence && code.target != best->target) {
      is_ambiguous = true;
    }
  }
  if (best == nullptr || is_ambiguous) return std::nullopt;
  return best->target;
}

std::optional<std::string_view> ValueMap::find_stated(std::string_view source) const {
  if (const auto found = exact_.find(source); found != exact_.end()) return found->second.target;
  if (!folded_.empty()) {
    const auto found = folded_.find(fold(source));
    if (found != folded_.end() && found->second) return *found->second;
  }
  if (!any_second_.empty()) {
    const auto found = any_second_.find(fold(first_half(source)));
    if (found != any_second_.end() && found->second) return *found->second;
  }
  return find_code(source);
}

std::optional<std::string_view> ValueMap::find(std::string_view source) const {
  if (const auto found = find_stated(source)) return found;
  if (default_) return *default_;
  return std::nullopt;
}

}  // namespace cmms::mapping
