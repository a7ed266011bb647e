// Fields: copied out of a document, and back to JSON text.
#include "core/json/field.hpp"

#include "core/json/text.hpp"

namespace cmms::json {

Field Field::from(const Value& value) {
  switch (value.kind()) {
    case Kind::null:
      return null();
    case Kind::boolean:
      return boolean(value.boolean());
    case Kind::number:
      return number(value.number());
    case Kind::string:
      return string(std::string(value.string()));
    case Kind::array:
    case Kind::object:
      return {value.kind(), value.text()};
  }
  return null();
}

std::string Field::to_json() const {
  if (kind == Kind::null) return "null";
  if (kind == Kind::string) return quote(text);
  return text;
}

}  // namespace cmms::json
