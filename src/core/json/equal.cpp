#include "core/json/equal.hpp"

#include <string>

namespace cmms::json {
namespace {

constexpr int max_depth = 128;  // deeper documents do not get this far; what would is taken for different

// "1.50" -> "1.5", "2.0" -> "2", "-0" -> "0". Numbers with an exponent are compared as they are written.
std::string plain_number(std::string digits) {
  if (digits.find_first_of("eE") != std::string::npos) return digits;
  if (digits.find('.') != std::string::npos) {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
  }
  return digits == "-0" ? "0" : digits;
}

bool equal_to_depth(const Value& left, const Value& right, int depth);

bool equal_members(const Value& left, const Value& right, int depth) {
  bool same = true;
  left.each_member([&](std::string_view name, const Value& member) {
    const std::optional<Value> other = right.member(name);
    same = other && equal_to_depth(member, *other, depth);
    return same;
  });
  return same;
}

bool equal_elements(const Value& left, const Value& right, int depth) {
  for (std::size_t i = 0; i < left.size(); ++i) {
    const std::optional<Value> one = left.element(i);
    const std::optional<Value> other = right.element(i);
    if (!one || !other || !equal_to_depth(*one, *other, depth)) return false;
  }
  return true;
}

bool equal_to_depth(const Value& left, const Value& right, int depth) {
  if (depth == 0 || left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Kind::null:
      return true;
    case Kind::boolean:
      return left.boolean() == right.boolean();
    case Kind::number:
      return plain_number(left.number()) == plain_number(right.number());
    case Kind::string:
      return left.string() == right.string();
    case Kind::array:
      return left.size() == right.size() && equal_elements(left, right, depth - 1);
    case Kind::object:
      return left.size() == right.size() && equal_members(left, right, depth - 1);
  }
  return false;
}

}  // namespace

bool equal(const Value& left, const Value& right) { return equal_to_depth(left, right, max_depth); }

}  // namespace cmms::json
