// Errors of the core: what went wrong, which review action it needs, and what the reader can do about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cmms {

// The error classes of the CMMS contract, plus the two that concern pg_cmms' own configuration and values.
enum class ErrorClass : std::uint8_t {
  authentication,
  authorization,
  validation,
  identity,
  conflict,
  provider_unavailable,
  configuration,   // an option, descriptor or map is wrong: SQLSTATE WO006
  unmapped_value,  // a value has no mapping and is never guessed: SQLSTATE WO005
};

struct Error {
  ErrorClass error_class = ErrorClass::validation;
  std::string message;  // lower case, no full stop
  std::string detail;   // sentences, may be empty
  std::string hint;     // sentences, may be empty
};

std::string_view error_class_name(ErrorClass error_class);  // as stored in SQL: 'provider_unavailable'
std::optional<ErrorClass> parse_error_class(std::string_view name);
const char* error_class_sqlstate(ErrorClass error_class);  // five characters: "WO106"

}  // namespace cmms
