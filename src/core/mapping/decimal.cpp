// Schoolbook arithmetic on digits.
#include "core/mapping/decimal.hpp"

#include <charconv>

#include "core/json/text.hpp"

namespace cmms::mapping {
namespace {

constexpr int max_places = 1000;

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view text) {
  if (text.size() > max_places || !json::is_number(text)) return std::nullopt;
  Decimal number;
  number.digits_.clear();
  if (text.front() == '-') {
    number.is_negative_ = true;
    text.remove_prefix(1);
  }
  const std::size_t exponent_at = text.find_first_of("eE");
  bool in_fraction = false;
  for (const char c : text.substr(0, exponent_at)) {
    if (c == '.') {
      in_fraction = true;
      continue;
    }
    number.digits_.push_back(c);
    if (in_fraction) ++number.scale_;
  }
  if (exponent_at != std::string_view::npos) {
    std::string_view written = text.substr(exponent_at + 1);
    if (written.front() == '+') written.remove_prefix(1);
    int exponent = 0;
    const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), exponent);
    if (error != std::errc() || exponent > max_places || exponent < -max_places) return std::nullopt;
    number.shift(exponent);
  }
  number.normalize();
  return number;
}

// No zeros in front but the one before the point, and at least that one.
void Decimal::normalize() {
  const auto scale = static_cast<std::size_t>(scale_);
  if (digits_.size() <= scale) digits_.insert(0, scale + 1 - digits_.size(), '0');
  std::size_t zeros = 0;
  while (zeros + 1 < whole_digits() && digits_[zeros] == '0') ++zeros;
  digits_.erase(0, zeros);
  if (digits_.find_first_not_of('0') == std::string::npos) is_negative_ = false;
}

bool Decimal::is_whole() const { return digits_.find_first_not_of('0', whole_digits()) == std::string::npos; }

void Decimal::shift(int places) {
  scale_ -= places;
  if (scale_ < 0) {
    digits_.append(static_cast<std::size_t>(-scale_), '0');
    scale_ = 0;
  }
  normalize();
}

void Decimal::multiply(unsigned factor) {
  unsigned carry = 0;
  for (auto digit = digits_.rbegin(); digit != digits_.rend(); ++digit) {
    carry += static_cast<unsigned>(*digit - '0') * factor;
    *digit = static_cast<char>('0' + carry % 10);
    carry /= 10;
  }
  if (carry > 0) digits_.insert(0, std::to_string(carry));
  normalize();
}

void Decimal::divide(unsigned divisor, int places) {
  // One digit more than is kept decides the rounding, because a remainder behind it never turns it.
  if (scale_ < places + 1) {
    digits_.append(static_cast<std::size_t>(places + 1 - scale_), '0');
    scale_ = places + 1;
  }
  unsigned remainder = 0;
  for (char& digit : digits_) {
    remainder = remainder * 10 + static_cast<unsigned>(digit - '0');
    digit = static_cast<char>('0' + remainder / divisor);
    remainder %= divisor;
  }
  round(places);
}

void Decimal::round(int places) {
  if (scale_ <= places) return normalize();
  const std::size_t kept = digits_.size() - static_cast<std::size_t>(scale_ - places);
  const bool up = digits_[kept] >= '5';
  digits_.erase(kept);
  scale_ = places;
  std::size_t at = kept;
  while (up && at > 0 && digits_[at - 1] == '9') digits_[--at] = '0';
  if (up && at > 0) ++digits_[at - 1];
  if (up && at == 0) digits_.insert(0, 1, '1');
  normalize();
}

std::string Decimal::text(int places) const {
  std::string text = (is_negative_ ? "-" : "") + digits_.substr(0, whole_digits());
  std::string fraction = digits_.substr(whole_digits());
  while (fraction.size() > static_cast<std::size_t>(places) && fraction.back() == '0') fraction.pop_back();
  return fraction.empty() ? text : text + "." + fraction;
}

std::optional<std::int64_t> Decimal::floor() const {
  const std::string whole = (is_negative_ ? "-" : "") + digits_.substr(0, whole_digits());
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), number);
  if (error != std::errc()) return std::nullopt;
  if (!is_negative_ || is_whole()) return number;
  if (number == INT64_MIN) return std::nullopt;
  return number - 1;
}

}  // namespace cmms::mapping
