// Value maps: vocabularies (status, priority, ...) translated between a provider and the hub. An unmapped
// value is never guessed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace cmms::mapping {

// Which values a rule is for.
enum class Match : std::uint8_t {
  folded,         // its source, or else its source but for case, white space, '-' and '_'
  exact,          // its source, byte for byte
  contains_code,  // lists of codes ("REL  CNF  PRC") that have its source; the lowest precedence counts
  pair,           // "status + sub status", folded; "status + *" for any other sub status and for none
  default_value,  // written 'default', of the source "*": what no other rule is for
};

std::optional<Match> parse_match(std::string_view name);
std::string_view match_name(Match match);
std::string match_names();  // "folded, exact, ..."

inline constexpr std::string_view pair_separator = " + ";

struct ValueRule {
  std::string source;
  std::string target;
  Match match = Match::folded;
  int precedence = 0;  // of contains_code
};

// Whether the source is one that its way of matching can find.
Status check_value_rule(const ValueRule& rule);

// The values of one vocabulary in one direction. Exact sources come first, then folded ones, pairs with "*",
// codes, and the default last. Folded sources, or codes of one precedence, that fit and have different
// targets give none.
class ValueMap {
 public:
  void add(const ValueRule& rule);  // a source that is there already gets the new target
  void add(std::string_view source, std::string_view target) {
    add({std::string(source), std::string(target)});
  }
  std::optional<std::string_view> find(std::string_view source) const;
  std::optional<std::string_view> find_stated(std::string_view source) const;  // without the default
  bool empty() const { return !default_ && exact_.empty() && any_second_.empty() && codes_.empty(); }

 private:
  using Targets = std::map<std::string, std::optional<std::string>, std::less<>>;  // nullopt: ambiguous
  struct Entry {
    std::string target;
    bool is_folded;
  };
  struct Code {
    std::string code;  // folded
    std::string target;
    int precedence;
  };

  void add_folded(std::string_view source, std::string_view target);
  std::optional<std::string_view> find_code(std::string_view source) const;

  std::map<std::string, Entry, std::less<>> exact_;
  Targets folded_;
  Targets any_second_;  // by the folded first half of a pair
  std::vector<Code> codes_;
  std::optional<std::string> default_;
};

// Vocabulary name -> map, for one provider, resource and direction.
using ValueMaps = std::map<std::string, ValueMap, std::less<>>;

}  // namespace cmms::mapping
