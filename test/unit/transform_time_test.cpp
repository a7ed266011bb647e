// Transforms of times and durations.
#include <gtest/gtest.h>

#include "transform_fixture.hpp"

namespace cmms::mapping {
namespace {

struct TimeCase {
  const char* given;
  const char* utc;
};

TEST(Transform, Timestamps) {
  const TimeCase cases[] = {
      {"2025-07-17", "2025-07-17T00:00:00Z"},
      {"2025-07-17T12:00Z", "2025-07-17T12:00:00Z"},
      {"2025-07-17T12:00:00Z", "2025-07-17T12:00:00Z"},
      {"2025-07-17t12:00:00z", "2025-07-17T12:00:00Z"},
      {"2025-07-17 12:00:00", "2025-07-17T12:00:00Z"},
      {" 2025-07-17T12:00:00Z ", "2025-07-17T12:00:00Z"},
      {"2025-07-17T12:00:00.5Z", "2025-07-17T12:00:00.500000Z"},
      {"2025-07-17T12:00:00,123456789+00:00", "2025-07-17T12:00:00.123456Z"},
      {"2025-07-17T12:00:00.000000999Z", "2025-07-17T12:00:00Z"},
      {"2025-07-17T01:30:00+02:00", "2025-07-16T23:30:00Z"},
      {"2025-12-31T23:30:00-0530", "2026-01-01T05:00:00Z"},
      {"2025-07-17T12:00:00+02", "2025-07-17T10:00:00Z"},
      {"2024-02-29T24:00:00Z", "2024-03-01T00:00:00Z"},
      {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
      {"0001-01-02T00:00:00Z", "0001-01-02T00:00:00Z"},
      {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
  };
  for (const TimeCase& each : cases) {
    EXPECT_EQ(transformed("timestamp", json::quote(each.given)), json::quote(each.utc)) << each.given;
  }
}

TEST(Transform, TimestampsThatMeanNoTime) {
  for (const char* none : {"", "  ", "0001-01-01", "0001-01-01T00:00:00", "0001-01-01T00:00:00+02:00",
                           "0001-01-01 00:00:00.000Z"}) {
    EXPECT_EQ(transformed("timestamp", json::quote(none)), "null") << none;
    EXPECT_EQ(transformed("date", json::quote(none)), "null") << none;
  }
}

TEST(Transform, TimestampsThatAreNone) {
  for (const char* bad : {"2025-02-29",
                          "2025-13-01",
                          "2025-00-10",
                          "2025-04-31",
                          "0000-01-01",
                          "2025-7-1",
                          "20250717",
                          "17.07.2025",
                          "07/17/2025",
                          "2025-07-17T",
                          "2025-07-17T1:00",
                          "2025-07-17T25:00:00Z",
                          "2025-07-17T24:00:01Z",
                          "2025-07-17T12:60:00Z",
                          "2025-07-17T12:00:61Z",
                          "2025-07-17T12:00:00.Z",
                          "2025-07-17T12:00:00.1234567890Z",
                          "2025-07-17T12:00:00+16:00",
                          "2025-07-17T12:00:00+02:60",
                          "2025-07-17T12:00:00+2",
                          "2025-07-17T12:00:00+02:",
                          "2025-07-17T12:00:00ZZ",
                          "2025-07-17T12:00:00 UTC",
                          "2025-07-17  12:00:00",
                          "12025-07-17",
                          "now",
                          "infinity",
                          "2025-07-17Z",
                          "1752753600"}) {
    EXPECT_EQ(transformed("timestamp", json::quote(bad)), "! is not an ISO 8601 timestamp") << bad;
  }
  EXPECT_EQ(transformed("timestamp", "1752753600"), "! is not an ISO 8601 timestamp");
  EXPECT_EQ(transformed("timestamp", R"("9999-12-31T23:59:59-01:00")"),
            "! is not within the years 0001 to 9999 in UTC");
}

TEST(Transform, DatesAreTheDayAsWritten) {
  EXPECT_EQ(transformed("date", R"("2025-07-17T23:30:00-05:00")"), R"("2025-07-17")");
  EXPECT_EQ(transformed("date", R"("2025-07-17")"), R"("2025-07-17")");
  EXPECT_EQ(transformed("date", R"("2025-02-30")"), "! is not an ISO 8601 date");
  EXPECT_EQ(transformed("date", "20250717"), "! is not an ISO 8601 date");
}

TEST(Transform, EpochTimes) {
  EXPECT_EQ(transformed("epoch seconds", "1753747200"), R"("2025-07-29T00:00:00Z")");
  EXPECT_EQ(transformed("epoch seconds", R"(" 1753747200.25 ")"), R"("2025-07-29T00:00:00.250000Z")");
  EXPECT_EQ(transformed("epoch milliseconds", R"("1753747200001")"), R"("2025-07-29T00:00:00.001000Z")");
  EXPECT_EQ(transformed("epoch milliseconds", "1.7537472e12"), R"("2025-07-29T00:00:00Z")");
  EXPECT_EQ(transformed("epoch seconds", "-1"), R"("1969-12-31T23:59:59Z")");
  EXPECT_EQ(transformed("epoch seconds", "-0.0000001"), R"("1969-12-31T23:59:59.999999Z")");
  EXPECT_EQ(transformed("epoch seconds", "0"), R"("1970-01-01T00:00:00Z")");
  EXPECT_EQ(transformed("epoch seconds", "1753747200000"), "! is not within the years 0001 to 9999 in UTC");
  EXPECT_EQ(transformed("epoch seconds", "99999999999999999999"),
            "! is not within the years 0001 to 9999 in UTC");
  EXPECT_EQ(transformed("epoch seconds", R"("2025-07-29")"), "! is not a number of seconds since 1970");
  EXPECT_EQ(transformed("epoch seconds", "true"), "! is not a number of seconds since 1970");
  EXPECT_EQ(transformed("to_epoch seconds", R"("2025-07-29T02:00:00.9+02:00")"), "1753747200");
  EXPECT_EQ(transformed("to_epoch milliseconds", R"("2025-07-29T00:00:00.0019Z")"), "1753747200001");
  EXPECT_EQ(transformed("to_epoch seconds", R"("1969-12-31T23:59:58.5Z")"), "-2");
  EXPECT_EQ(transformed("to_epoch seconds", R"("0001-01-01")"), "null");
  EXPECT_EQ(transformed("epoch hours", "1"), "? transform \"epoch\": unknown unit \"hours\"");
}

TEST(Transform, SapDates) {
  EXPECT_EQ(transformed("sap_date", R"("/Date(1753747200000)/")"), R"("2025-07-29T00:00:00Z")");
  EXPECT_EQ(transformed("sap_date", R"("/Date(1753747200000+0120)/")"), R"("2025-07-29T00:00:00Z")");
  EXPECT_EQ(transformed("sap_date", R"("/Date(-1000-0300)/")"), R"("1969-12-31T23:59:59Z")");
  EXPECT_EQ(transformed("sap_date", R"("/Date(-62135596800000)/")"), "null");
  for (const char* bad : {"/Date()/", "/Date(1)", "Date(1)", "/Date(1+)/", "/Date(1+00a0)/", "/Date(1.5)/",
                          "/Date(+1)/", "/Date(99999999999999999999)/", "2025-07-29"}) {
    EXPECT_EQ(transformed("sap_date", json::quote(bad)), "! is not a time of the form /Date(1753747200000)/")
        << bad;
  }
  EXPECT_EQ(transformed("to_sap_date", R"("2025-07-29T02:00:00+02:00")"), R"("/Date(1753747200000)/")");
  EXPECT_EQ(transformed("to_sap_date | sap_date", R"("1969-12-31T23:59:59.999Z")"),
            R"("1969-12-31T23:59:59.999000Z")");
}

TEST(Transform, TimesInAFormat) {
  EXPECT_EQ(transformed("time \"DD.MM.YYYY HH24:MI\"", R"("29.07.2025 14:05")"), R"("2025-07-29T14:05:00Z")");
  EXPECT_EQ(transformed("time \"DD.MM.YYYY\"", R"("9.7.2025")"), R"("2025-07-09T00:00:00Z")");
  EXPECT_EQ(transformed("time YYYYMMDD", "20250729"), R"("2025-07-29T00:00:00Z")");
  EXPECT_EQ(transformed("time \"YYYYMMDDHH24MISS\"", R"("20250729140509")"), R"("2025-07-29T14:05:09Z")");
  EXPECT_EQ(transformed("time \"MM/DD/YY HH12:MI AM\"", R"("7/29/25 12:05 am")"),
            R"("2025-07-29T00:05:00Z")");
  EXPECT_EQ(transformed("time \"MM/DD/YY HH:MI PM\"", R"("7/29/70 1:05 PM")"), R"("1970-07-29T13:05:00Z")");
  EXPECT_EQ(transformed("time \"Mon DD, YYYY\"", R"("JUL 29, 2025")"), R"("2025-07-29T00:00:00Z")");
  EXPECT_EQ(transformed("time \"DD Month YYYY\"", R"("29 july 2025")"), R"("2025-07-29T00:00:00Z")");
  EXPECT_EQ(transformed("time \"YYYY-MM-DDTHH24:MI:SS.MSZ\"", R"("2025-07-29T14:05:09.5Z")"),
            R"("2025-07-29T14:05:09.500000Z")");
  EXPECT_EQ(transformed("time \"YYYY-MM-DD 'at' HH24.MI.SS.US\"", R"("2025-07-29 at 14.05.09.000001")"),
            R"("2025-07-29T14:05:09.000001Z")");
  EXPECT_EQ(transformed("time \"YYYY-MM-DD HH24:MI\" Fake/Zone", R"("2025-07-29 01:00")"),
            R"("2025-07-28T23:00:00Z")");
  EXPECT_EQ(transformed("time \"YYYY-MM-DD HH24:MI\" UTC", R"("2025-07-29 01:00")"),
            R"("2025-07-29T01:00:00Z")");
  EXPECT_EQ(transformed("time \"YYYY-MM-DD\"", R"("0001-01-01")"), "null");
  EXPECT_EQ(transformed("time \"YYYY-MM-DD\" Nowhere", R"("2025-07-29")"),
            "! is in the time zone \"Nowhere\", which does not exist");
}

TEST(Transform, TimesThatDoNotFitTheirFormat) {
  for (const char* bad :
       {"29.07.2025", "29.07.2025 1405", "31.06.2025 14:05", "29.07.2025 24:00", "29.07.2025 14:60",
        "29.07.2025 14:05:00", "29-07-2025 14:05", "29.07.25 14:05", "x"}) {
    EXPECT_EQ(transformed("time \"DD.MM.YYYY HH24:MI\"", json::quote(bad)),
              "! is not a time of the form \"DD.MM.YYYY HH24:MI\"")
        << bad;
  }
  EXPECT_EQ(transformed("time YYYYMMDD", R"("2025729")"), "! is not a time of the form \"YYYYMMDD\"");
  EXPECT_EQ(transformed("time USYYYYMMDD", R"("14805-20250729")"),
            "! is not a time of the form \"USYYYYMMDD\"");
  EXPECT_EQ(transformed("time \"DD.MM.YYYY HH12 AM\"", R"("29.07.2025 13 PM")"),
            "! is not a time of the form \"DD.MM.YYYY HH12 AM\"");
  EXPECT_EQ(transformed("time \"YYYY-MM-DD\"", "[1]"), "! is not a time of the form \"YYYY-MM-DD\"");
}

TEST(Transform, WritesTimesInAFormat) {
  EXPECT_EQ(transformed("format_time \"DD.MM.YYYY HH24:MI:SS\"", R"("2025-07-09T04:05:06.7Z")"),
            R"("09.07.2025 04:05:06")");
  EXPECT_EQ(transformed("format_time \"MM/DD/YY HH12:MI AM\"", R"("2025-07-29T12:05:00Z")"),
            R"("07/29/25 12:05 PM")");
  EXPECT_EQ(transformed("format_time \"YYYY-MM-DD HH12 pm\"", R"("2025-07-29T00:05:00Z")"),
            R"("2025-07-29 12 am")");
  EXPECT_EQ(transformed("format_time \"MONTH Mon mon DD YYYY\"", R"("2025-07-29")"),
            "? transform \"format_time\": the format \"MONTH Mon mon DD YYYY\" must name one year, one month "
            "and one "
            "day");
  EXPECT_EQ(transformed("format_time \"DD MON YYYY\"", R"("2025-07-29")"), R"("29 JUL 2025")");
  EXPECT_EQ(transformed("format_time \"DD Month YYYY\"", R"("2025-07-29")"), R"("29 July 2025")");
  EXPECT_EQ(transformed("format_time \"DD mon YYYY\"", R"("2025-07-29")"), R"("29 jul 2025")");
  EXPECT_EQ(transformed("format_time \"YYYYMMDD.US\"", R"("2025-07-29T00:00:00.0125Z")"),
            R"("20250729.012500")");
  EXPECT_EQ(transformed("format_time \"YYYY-MM-DD HH24:MI\" Fake/Zone", R"("2025-07-28T23:00:00Z")"),
            R"("2025-07-29 01:00")");
  EXPECT_EQ(transformed("format_time YYYYMMDD", R"("0001-01-01")"), "null");
  EXPECT_EQ(transformed("format_time YYYYMMDD", R"("tomorrow")"), "! is not an ISO 8601 timestamp");
}

TEST(Transform, RefusesBadFormats) {
  for (const char* bad : {"YYYY-MM", "HH24:MI", "YYYY-MM-DD HH12:MI", "YYYY-MM-DD HH24 AM", "YYYY-MM-DD YY",
                          "YYYY-MM-DD MI MI", "YYYY-MM-DD Q", "YYYY-MM-DD 'at", "DD.MM.YYYY MS US", "x"}) {
    EXPECT_FALSE(parse_transforms("time " + json::quote(bad)).ok()) << bad;
  }
  EXPECT_EQ(transformed("time \"YYYY-MM-DD q\"", "1"),
            "? transform \"time\": unknown pattern at \"q\" in the format \"YYYY-MM-DD q\"");
  EXPECT_FALSE(parse_transforms("time \"YYYY-MM-DD\" \"\"").ok());
  EXPECT_FALSE(parse_transforms("time \"YYYY-MM-DD\" UTC \"x\"").ok());
}

TEST(Transform, MinutesAndHours) {
  EXPECT_EQ(transformed("minutes_to_hours", "90"), "1.5");
  EXPECT_EQ(transformed("minutes_to_hours", R"(" 100 ")"), "1.666667");
  EXPECT_EQ(transformed("minutes_to_hours", "-50"), "-0.833333");
  EXPECT_EQ(transformed("minutes_to_hours", "0"), "0");
  EXPECT_EQ(transformed("hours_to_minutes", "1.5"), "90");
  EXPECT_EQ(transformed("hours_to_minutes", "0.25e1"), "150");
  EXPECT_EQ(transformed("hours_to_minutes", "123456789012345678901234567890.1"),
            "7407407340740740734074074073406");
  EXPECT_EQ(transformed("hours_to_minutes", R"("1:30")"), "! is not a number");
  EXPECT_EQ(transformed("minutes_to_hours", R"("")"), "null");
  for (int minutes = 0; minutes < 3000; ++minutes) {
    const std::string text = std::to_string(minutes);
    ASSERT_EQ(transformed("minutes_to_hours | hours_to_minutes", text), text);
  }
}

}  // namespace
}  // namespace cmms::mapping
