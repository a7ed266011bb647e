// Decimal numbers, digit for digit.
#include "core/mapping/decimal.hpp"

#include <gtest/gtest.h>

namespace cmms::mapping {
namespace {

std::string read(std::string_view text) {
  const auto number = Decimal::parse(text);
  return number ? number->text() : "none";
}

TEST(Decimal, ReadsJsonNumbers) {
  EXPECT_EQ(read("0"), "0");
  EXPECT_EQ(read("-0.0"), "0");
  EXPECT_EQ(read("12.500"), "12.5");
  EXPECT_EQ(read("1.25e2"), "125");
  EXPECT_EQ(read("125E-4"), "0.0125");
  EXPECT_EQ(read("-1e+3"), "-1000");
  EXPECT_EQ(read("123456789012345678901234567890.5"), "123456789012345678901234567890.5");
  for (const char* bad : {"", "x", "+1", "01", "1.", ".5", "1e", "1e1001", "1e-1001", "0x1", "1 2", "NaN"}) {
    EXPECT_EQ(read(bad), "none") << bad;
  }
  EXPECT_EQ(read(std::string(1001, '1')), "none");
}

TEST(Decimal, Shifts) {
  Decimal number = Decimal::parse("19.99").value();
  number.shift(2);
  EXPECT_EQ(number.text(), "1999");
  number.shift(-5);
  EXPECT_EQ(number.text(), "0.01999");
  number.shift(7);
  EXPECT_EQ(number.text(), "199900");
  EXPECT_EQ(number.text(2), "199900");
  number.shift(-2);
  EXPECT_EQ(number.text(2), "1999.00");
  EXPECT_TRUE(number.is_whole());
}

TEST(Decimal, RoundsHalfAwayFromZero) {
  const auto rounded = [](std::string_view text, int places) {
    Decimal number = Decimal::parse(text).value();
    number.round(places);
    return number.text();
  };
  EXPECT_EQ(rounded("0.45", 1), "0.5");
  EXPECT_EQ(rounded("-0.45", 1), "-0.5");
  EXPECT_EQ(rounded("0.449", 1), "0.4");
  EXPECT_EQ(rounded("9.995", 2), "10");
  EXPECT_EQ(rounded("-0.04", 1), "0");
  EXPECT_EQ(rounded("1.5", 4), "1.5");
}

TEST(Decimal, MultipliesAndDivides) {
  Decimal number = Decimal::parse("99.9").value();
  number.multiply(60);
  EXPECT_EQ(number.text(), "5994");
  number.divide(60, 6);
  EXPECT_EQ(number.text(), "99.9");
  Decimal third = Decimal::parse("-1").value();
  third.divide(3, 4);
  EXPECT_EQ(third.text(), "-0.3333");
  Decimal two_thirds = Decimal::parse("2").value();
  two_thirds.divide(3, 0);
  EXPECT_EQ(two_thirds.text(), "1");
  Decimal fine = Decimal::parse("0.123456789").value();
  fine.divide(1, 3);
  EXPECT_EQ(fine.text(), "0.123");
}

TEST(Decimal, FloorsTo64Bits) {
  const auto floor = [](std::string_view text) { return Decimal::parse(text).value().floor(); };
  EXPECT_EQ(floor("1.9"), 1);
  EXPECT_EQ(floor("-1.1"), -2);
  EXPECT_EQ(floor("-1.0"), -1);
  EXPECT_EQ(floor("-0.5"), -1);
  EXPECT_EQ(floor("9223372036854775807.9"), INT64_MAX);
  EXPECT_EQ(floor("9223372036854775808"), std::nullopt);
  EXPECT_EQ(floor("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(floor("-9223372036854775808.5"), std::nullopt);
}

}  // namespace
}  // namespace cmms::mapping
