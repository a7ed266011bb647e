// A value that left its document: what a mapping rule produces and a transform takes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/json/value.hpp"

namespace cmms::json {

// Scalars are held as they are; arrays and objects as compact JSON text, because nothing here looks into them
// again.
struct Field {
  Kind kind = Kind::null;
  std::string text;  // the string itself; "true"/"false"; decimal digits; JSON text of an array or object; ""
                     // for null

  static Field null() { return {}; }
  static Field boolean(bool value) { return {Kind::boolean, value ? "true" : "false"}; }
  static Field number(std::string digits) { return {Kind::number, std::move(digits)}; }
  static Field string(std::string text) { return {Kind::string, std::move(text)}; }
  static Field from(const Value& value);  // copies

  bool is_null() const { return kind == Kind::null; }
  std::string to_json() const;  // compact JSON text, strings escaped

  friend bool operator==(const Field&, const Field&) = default;
};

}  // namespace cmms::json
