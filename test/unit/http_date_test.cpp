#include "core/exchange/http_date.hpp"

#include <gtest/gtest.h>

namespace cmms {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::sys_seconds example{784111777s};  // 1994-11-06 08:49:37 UTC

TEST(HttpDateTest, ReadsTheThreeForms) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), example);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), example);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), example);
  EXPECT_EQ(parse_http_date("Sun Nov 16 08:49:37 1994"), example + std::chrono::days(10));
  EXPECT_EQ(parse_http_date("  sun, 06 nov 1994 08:49:37 gmt "), example);
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 23:59:60 GMT"), std::chrono::sys_seconds(1709251200s));
}

TEST(HttpDateTest, RefusesWhatIsNoDate) {
  for (const auto* text :
       {"", "Sun", "Sun,", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT x", "Sun, 31 Feb 2023 00:00:00 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Xyz 1994 08:49:37 GMT", "1994-11-06T08:49:37Z",
        "Sun, -6 Nov 1994 08:49:37 GMT"}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

TEST(RetryAfterTest, ReadsSecondsWithinBounds) {
  EXPECT_EQ(parse_retry_after("120", example), 120s);
  EXPECT_EQ(parse_retry_after(" 7 ", example), 7s);
  EXPECT_EQ(parse_retry_after("0", example), 1s);
  EXPECT_EQ(parse_retry_after("3601", example), 3600s);
  EXPECT_EQ(parse_retry_after("99999999999999999999999", example), 3600s);
}

TEST(RetryAfterTest, ReadsDatesWithinBounds) {
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", example), 30s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", example + 500ms), 30s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", example), 1s);
  EXPECT_EQ(parse_retry_after("Mon, 07 Nov 1994 08:00:00 GMT", example), 3600s);
  EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", example), 3600s);
  EXPECT_EQ(parse_retry_after("Sat, 01 Jan 0000 00:00:00 GMT", example), 1s);
}

TEST(RetryAfterTest, IgnoresNonsense) {
  for (const auto* text : {"", " ", "-1", "1.5", "soon", "10 s"}) {
    EXPECT_EQ(parse_retry_after(text, example), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace cmms
