// How many records had which outcome, for the log of a poll and of an import.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace cmms::pg {

class Tally {
 public:
  void add(std::string_view outcome);
  bool has_news() const;     // something was stored or held
  std::string json() const;  // {"created":3,"held":1}

 private:
  std::map<std::string, std::int64_t, std::less<>> counts_;
};

}  // namespace cmms::pg
