// boolean: true and false as people and databases write them.
#include "core/mapping/transforms/transforms.hpp"

#include <algorithm>
#include <array>

namespace cmms::mapping::transforms {
namespace {

constexpr std::array<std::string_view, 6> true_words{"true", "t", "yes", "y", "on", "1"};
constexpr std::array<std::string_view, 6> false_words{"false", "f", "no", "n", "off", "0"};

}  // namespace

Failure boolean(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  if (value.kind == json::Kind::boolean) return success;
  if (is_composite(value)) return failure("is not true or false");
  std::string word(trimmed(value.text));
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto is_word = [&](std::string_view known) { return word == known; };
  const bool is_true = std::any_of(true_words.begin(), true_words.end(), is_word);
  if (!is_true && std::none_of(false_words.begin(), false_words.end(), is_word)) {
    return failure("is not true or false");
  }
  value = json::Field::boolean(is_true);
  return success;
}

}  // namespace cmms::mapping::transforms
