// Decimal numbers, digit for digit: money and durations never pass through a binary fraction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cmms::mapping {

class Decimal {
 public:
  // JSON's syntax of a number; nullopt for anything else and for more than 1000 places.
  static std::optional<Decimal> parse(std::string_view text);

  bool is_whole() const;
  void shift(int places);          // multiplies by 10 to the power of `places`
  void multiply(unsigned factor);  // a small one, as the divisor below
  // Rounds to `places` digits behind the point, half away from zero.
  void divide(unsigned divisor, int places);
  void round(int places);

  // Without an exponent; zeros at the end of the fraction are cut down to `places` digits.
  std::string text(int places = 0) const;
  std::optional<std::int64_t> floor() const;  // the whole number at or below; nullopt beyond 64 bits

 private:
  std::size_t whole_digits() const { return digits_.size() - static_cast<std::size_t>(scale_); }
  void normalize();

  bool is_negative_ = false;
  std::string digits_ = "0";  // without a point, more than scale_ of them
  int scale_ = 0;             // how many of them stand behind the point
};

}  // namespace cmms::mapping
