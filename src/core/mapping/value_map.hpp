// Value maps: vocabularies (status, priority, ...) translated between a provider and the hub. An unmapped
// value is never guessed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace cmms::mapping {

// The values of one vocabulary in one direction. Exact match first, then case-folded (ASCII), without outer
// white space and with runs of inner white space, '-' and '_' equal. A folded match that fits sources with
// different targets is none.
class ValueMap {
 public:
  void add(std::string_view source,
           std::string_view target);  // a source that is there already gets the new target
  std::optional<std::string_view> find(std::string_view source) const;
  bool empty() const { return exact_.empty(); }

 private:
  std::map<std::string, std::string, std::less<>> exact_;
  std::map<std::string, std::optional<std::string>, std::less<>> folded_;  // nullopt: ambiguous
};

// Vocabulary name -> map, for one provider, resource and direction.
using ValueMaps = std::map<std::string, ValueMap, std::less<>>;

}  // namespace cmms::mapping
