#include "core/rate_limit/rate_limit.hpp"

#include <gtest/gtest.h>

namespace cmms::rate_limit {
namespace {

using namespace std::chrono_literals;

constexpr SystemTime start{std::chrono::seconds(1'700'000'000)};

Response with_headers(std::vector<Header> headers) {
  Response response;
  response.status = 200;
  response.headers = std::move(headers);
  return response;
}

const LimitHeaders usual{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset",
                         ResetFormat::unix_seconds};

TEST(ReadLimitsTest, ReadsTheDescribedHeaders) {
  const auto response = with_headers({{"x-ratelimit-limit", "100, 100;w=60"},
                                      {"x-ratelimit-remaining", "7"},
                                      {"x-ratelimit-reset", "1700000030"}});
  const auto observation = read_limits(response, usual, start);
  EXPECT_EQ(observation.limit, 100);
  EXPECT_EQ(observation.remaining, 7);
  EXPECT_EQ(observation.reset_at, start + 30s);
}

TEST(ReadLimitsTest, CorrectsAWrongClockByTheDateHeader) {
  // The provider believes that it is an hour later, and resets 30 seconds after that.
  const auto response =
      with_headers({{"Date", "Tue, 14 Nov 2023 23:13:20 GMT"}, {"X-RateLimit-Reset", "1700003630"}});
  EXPECT_EQ(read_limits(response, usual, start).reset_at, start + 30s);
}

TEST(ReadLimitsTest, ReadsEveryResetFormat) {
  const auto reset = [](ResetFormat format, std::string value) {
    auto headers = usual;
    headers.reset_format = format;
    return read_limits(with_headers({{"X-RateLimit-Reset", std::move(value)}}), headers, start).reset_at;
  };
  EXPECT_EQ(reset(ResetFormat::seconds, "45"), start + 45s);
  EXPECT_EQ(reset(ResetFormat::unix_milliseconds, "1700000001500"), start + 1500ms);
  EXPECT_EQ(reset(ResetFormat::http_date, "Tue, 14 Nov 2023 22:13:50 GMT"), start + 30s);
  EXPECT_EQ(reset(ResetFormat::unix_seconds, "1600000000"), start);
  EXPECT_EQ(reset(ResetFormat::unix_seconds, "253402300799"), start + 24h);
  EXPECT_EQ(reset(ResetFormat::http_date, "Fri, 31 Dec 9999 23:59:59 GMT"), start + 24h);
  EXPECT_EQ(reset(ResetFormat::seconds, "9223372036854775807"), start + 24h);
  EXPECT_EQ(reset(ResetFormat::unix_seconds, "9223372036854775807"), std::nullopt);
  EXPECT_EQ(reset(ResetFormat::unix_seconds, "99999999999999999999999"), std::nullopt);
  EXPECT_EQ(reset(ResetFormat::unix_seconds, "-5"), std::nullopt);
  EXPECT_EQ(reset(ResetFormat::http_date, "soon"), std::nullopt);
}

TEST(ReadLimitsTest, HasNothingToSayWithoutHeaders) {
  EXPECT_TRUE(read_limits(with_headers({}), usual, start).empty());
  EXPECT_TRUE(read_limits(with_headers({{"X-RateLimit-Remaining", "7"}}), LimitHeaders{}, start).empty());
}

TEST(ResetFormatTest, KnowsItsNames) {
  EXPECT_EQ(parse_reset_format("unix_seconds"), ResetFormat::unix_seconds);
  EXPECT_EQ(parse_reset_format("http_date"), ResetFormat::http_date);
  EXPECT_EQ(parse_reset_format("fortnights"), std::nullopt);
}

TEST(RateLimitTest, AllowsEverythingAtFirst) {
  RateLimit limit;
  for (int count = 0; count < 100; ++count) {
    EXPECT_EQ(limit.next_allowed(start), start);
    limit.take(start);
  }
}

TEST(RateLimitTest, WaitsForTheResetWhenTheQuotaIsUsedUp) {
  RateLimit limit;
  limit.observe({100, 2, start + 30s}, start);
  EXPECT_EQ(limit.next_allowed(start), start);
  limit.take(start);
  limit.take(start);
  EXPECT_EQ(limit.next_allowed(start), start + 30s);
  EXPECT_EQ(limit.limit(), 100);
  EXPECT_EQ(limit.remaining(), 0);
  EXPECT_EQ(limit.next_allowed(start + 30s), start + 30s);
  limit.take(start + 30s);
  EXPECT_EQ(limit.next_allowed(start + 30s), start + 30s);
}

TEST(RateLimitTest, TakesTheLowerCountWithinAWindow) {
  RateLimit limit;
  limit.observe({100, 10, start + 30s}, start);
  limit.take(start);
  limit.take(start);
  // An answer that was overtaken, and one whose reset is rounded differently.
  limit.observe({100, 11, start + 30s}, start);
  limit.observe({100, 9, start + 31s}, start + 1s);
  EXPECT_EQ(limit.remaining(), 8);
  // Somebody else uses the same credentials.
  limit.observe({100, 3, start + 30s}, start + 1s);
  EXPECT_EQ(limit.remaining(), 3);
  // The next window.
  limit.observe({100, 99, start + 60s}, start + 31s);
  EXPECT_EQ(limit.remaining(), 99);
  EXPECT_EQ(limit.reset_at(), start + 60s);
}

TEST(RateLimitTest, AsksAtAGentlePaceWhenNoResetIsAnnounced) {
  RateLimit limit;
  limit.observe({std::nullopt, 0, std::nullopt}, start);
  EXPECT_EQ(limit.next_allowed(start), start + 1s);
  EXPECT_EQ(limit.next_allowed(start + 1s), start + 1s);
  limit.observe({std::nullopt, 50, std::nullopt}, start + 1s);
  EXPECT_EQ(limit.next_allowed(start + 1s), start + 1s);
}

TEST(RateLimitTest, PausesAndNeverShortensAPause) {
  RateLimit limit;
  limit.pause_until(start + 60s);
  limit.pause_until(start + 10s);
  EXPECT_EQ(limit.next_allowed(start), start + 60s);
  EXPECT_EQ(limit.next_allowed(start + 61s), start + 61s);
  limit.resume();
  EXPECT_EQ(limit.next_allowed(start), start);
}

TEST(RateLimitTest, KeepsAConfiguredRate) {
  RateLimit limit({.requests_per_second = 10, .burst = 5});
  SystemTime now = start;
  int sent = 0;
  while (now < start + 10s) {
    const auto allowed = limit.next_allowed(now);
    if (allowed > now) {
      now = allowed;
      continue;
    }
    limit.take(now);
    ++sent;
  }
  EXPECT_GE(sent, 95);
  EXPECT_LE(sent, 106);
}

TEST(RateLimitTest, ABucketOfLessThanOneTokenStillLetsRequestsThrough) {
  RateLimit limit({.requests_per_second = 0.5, .burst = 0});
  EXPECT_EQ(limit.next_allowed(start), start);
  limit.take(start);
  const auto next = limit.next_allowed(start);
  EXPECT_GE(next, start + 2s);
  EXPECT_LE(next, start + 2100ms);
  EXPECT_EQ(limit.next_allowed(next), next);
}

TEST(RateLimitTest, AClockThatIsSetBackDoesNotFillTheBucket) {
  RateLimit limit({.requests_per_second = 1, .burst = 1});
  limit.take(start);
  EXPECT_GT(limit.next_allowed(start - 1h), start - 1h);
}

TEST(RateLimitTest, SaysWhyNothingLeaves) {
  RateLimit limit({.requests_per_second = 1, .burst = 1});
  EXPECT_EQ(limit.hold(start).reason, Hold::Reason::none);
  limit.take(start);
  EXPECT_EQ(limit.hold(start).reason, Hold::Reason::configured_rate);
  limit.observe({100, 0, start + 30s}, start);
  EXPECT_EQ(limit.hold(start).reason, Hold::Reason::quota);
  EXPECT_EQ(limit.hold(start).until, start + 30s);
  limit.pause_until(start + 60s);
  EXPECT_EQ(limit.hold(start).reason, Hold::Reason::retry_after);
  EXPECT_EQ(limit.hold(start).until, start + 60s);
  EXPECT_EQ(limit.hold(start + 60s).reason, Hold::Reason::none);
}

TEST(RateLimitTest, ARateThatIsConfiguredLaterHoldsFromThereOn) {
  RateLimit limit;
  for (int i = 0; i < 100; ++i) limit.take(start);
  limit.set_policy({.requests_per_second = 2, .burst = 3}, start);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(limit.next_allowed(start), start);
    limit.take(start);
  }
  EXPECT_GT(limit.next_allowed(start), start + 400ms);
  // A lower rate does not give back what was taken.
  limit.set_policy({.requests_per_second = 1, .burst = 3}, start);
  EXPECT_GT(limit.next_allowed(start), start + 900ms);
  limit.set_policy({}, start);
  EXPECT_EQ(limit.next_allowed(start), start);
}

TEST(RateLimitTest, KnowsHowManyAreWorthHavingAtHand) {
  RateLimit limit;
  EXPECT_GT(limit.room(start), 1'000'000);
  limit.observe({100, 7, start + 30s}, start);
  EXPECT_EQ(limit.room(start), 7);
  limit.set_policy({.requests_per_second = 20, .burst = 1}, start);
  EXPECT_EQ(limit.room(start), 3);
  limit.take(start);
  EXPECT_EQ(limit.room(start), 2);
  limit.set_policy({.requests_per_second = 0.1, .burst = 1}, start);
  EXPECT_EQ(limit.room(start), 1);
}

}  // namespace
}  // namespace cmms::rate_limit
