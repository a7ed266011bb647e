// What a backend has read from the configuration tables and keeps until they change.
#pragma once

#include "pg/prelude.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "pg/catalog/connection_cache.hpp"

namespace cmms::pg {

// Make it a function-local static. Of tables that the connection cache watches only.
template <class Value>
class Remembered {
 public:
  // The value of a key; read() asks the table for it.
  template <class Read>
  Value get(std::string_view key, Read&& read) {
    // What an old snapshot shows must not be remembered for the transactions after it.
    if (IsolationUsesXactSnapshot()) return read();
    const std::uint64_t current = watched_configuration_generation();
    const auto found = values_.find(key);
    if (found != values_.end() && found->second.first == current) return found->second.second;
    Value value = read();
    if (values_.size() >= most_values) values_.clear();  // whatever keys a session comes up with
    values_.insert_or_assign(std::string(key), std::pair(current, value));
    return value;
  }

 private:
  static constexpr std::size_t most_values = 1000;

  std::map<std::string, std::pair<std::uint64_t, Value>, std::less<>> values_;
};

}  // namespace cmms::pg
