// minor_units and to_minor_units <currency>: 1999 cents are 19.99 euros. The currency is an ISO 4217 code or
// a path to one in the source document.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "core/json/text.hpp"
#include "core/mapping/decimal.hpp"
#include "core/mapping/transforms/transforms.hpp"
#include "core/path/path.hpp"

namespace cmms::mapping::transforms {
namespace {

struct Exponent {
  std::string_view currency;
  int digits;
};

// Where the minor unit of ISO 4217 is not the hundredth.
constexpr std::array<Exponent, 26> exceptions{
    {{"BHD", 3}, {"BIF", 0}, {"CLF", 4}, {"CLP", 0}, {"DJF", 0}, {"GNF", 0}, {"IQD", 3},
     {"ISK", 0}, {"JOD", 3}, {"JPY", 0}, {"KMF", 0}, {"KRW", 0}, {"KWD", 3}, {"LYD", 3},
     {"OMR", 3}, {"PYG", 0}, {"RWF", 0}, {"TND", 3}, {"UGX", 0}, {"UYI", 0}, {"UYW", 4},
     {"VND", 0}, {"VUV", 0}, {"XAF", 0}, {"XOF", 0}, {"XPF", 0}}};

struct Currency : Prepared {
  std::string code;  // empty: the one at the path
  path::Path path;
};

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

bool is_code(std::string_view text) {
  return text.size() == 3 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

int digits_of(std::string_view code) {
  const auto found = std::find_if(exceptions.begin(), exceptions.end(),
                                  [&](const Exponent& each) { return each.currency == code; });
  return found == exceptions.end() ? 2 : found->digits;
}

// The code that counts for this document.
Failure find_code(const Transform& transform, const TransformContext& context, std::string& code) {
  const auto& currency = transform.prepared_as<Currency>();
  code = currency.code;
  if (!code.empty()) return success;
  const auto field = currency.path.first(context.document);
  if (field && field->kind == json::Kind::string) code = upper_case(trimmed(field->text));
  if (is_code(code)) return success;
  return failure("has no currency code at " + transform.argument());
}

std::optional<Decimal> amount_of(const json::Field& value) {
  if (value.kind != json::Kind::number && value.kind != json::Kind::string) return std::nullopt;
  return Decimal::parse(trimmed(value.text));
}

}  // namespace

Failure minor_units(json::Field& value, const Transform& transform, const TransformContext& context) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  std::optional<Decimal> amount = amount_of(value);
  if (!amount || !amount->is_whole()) return failure("is not a whole number of minor units");
  std::string code;
  if (auto refused = find_code(transform, context, code)) return refused;
  amount->shift(-digits_of(code));
  value = json::Field::number(amount->text(digits_of(code)));
  return success;
}

Failure to_minor_units(json::Field& value, const Transform& transform, const TransformContext& context) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  std::optional<Decimal> amount = amount_of(value);
  if (!amount) return failure("is not a number");
  std::string code;
  if (auto refused = find_code(transform, context, code)) return refused;
  amount->shift(digits_of(code));
  if (!amount->is_whole()) return failure("is finer than the minor unit of " + code);
  value = json::Field::number(amount->text());
  return success;
}

Status prepare_currency(Transform& transform) {
  auto currency = std::make_shared<Currency>();
  const std::string& argument = transform.argument();
  if (argument.starts_with('$')) {
    Result<path::Path> path = path::Path::parse(argument);
    if (!path) return refused(path.error().message);
    currency->path = std::move(path).value();
  } else if (is_code(argument)) {
    currency->code = argument;
  } else {
    return refused(json::quote_clipped(argument) + " is no currency",
                   "Give an ISO 4217 code such as EUR, or a path such as $.currency.");
  }
  transform.prepared = std::move(currency);
  return Nothing{};
}

}  // namespace cmms::mapping::transforms
