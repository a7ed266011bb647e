#include "core/retry/retry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace cmms::retry {
namespace {

using namespace std::chrono_literals;

TEST(BackoffTest, DoublesUpToTheCap) {
  Random random(1);
  const Policy policy{.base = 1s, .cap = 5min, .jitter = 0};
  EXPECT_EQ(backoff(0, policy, random), 1s);
  EXPECT_EQ(backoff(1, policy, random), 1s);
  EXPECT_EQ(backoff(2, policy, random), 2s);
  EXPECT_EQ(backoff(9, policy, random), 256s);
  EXPECT_EQ(backoff(10, policy, random), 5min);
  EXPECT_EQ(backoff(std::numeric_limits<int>::max(), policy, random), 5min);
  EXPECT_EQ(backoff(-3, policy, random), 1s);
}

TEST(BackoffTest, SurvivesOddPolicies) {
  Random random(1);
  EXPECT_EQ(backoff(std::numeric_limits<int>::max(), {.base = 0s, .cap = 5min, .jitter = 0}, random), 0s);
  EXPECT_EQ(backoff(5, {.base = -1s, .cap = -1s, .jitter = 0}, random), 0s);
  EXPECT_EQ(backoff(1, {.base = 1h, .cap = 5min, .jitter = -1}, random), 5min);
  EXPECT_GE(backoff(1, {.base = 1s, .cap = 5min, .jitter = 7}, random), 0s);
}

TEST(BackoffTest, SpreadsWithinTheJitter) {
  Random random(42);
  const Policy policy{.base = 1s, .cap = 5min, .jitter = 0.5};
  std::chrono::milliseconds shortest = 1h;
  std::chrono::milliseconds longest = 0ms;
  for (int draw = 0; draw < 1000; ++draw) {
    const auto delay = backoff(4, policy, random);
    shortest = std::min(shortest, delay);
    longest = std::max(longest, delay);
  }
  EXPECT_GE(shortest, 4s);
  EXPECT_LT(shortest, 4200ms);
  EXPECT_LE(longest, 8s);
  EXPECT_GT(longest, 7800ms);
}

TEST(RandomTest, IsReproducibleAndInRange) {
  Random one(7);
  Random same(7);
  Random other(8);
  EXPECT_NE(Random(7).unit(), other.unit());
  for (int draw = 0; draw < 1000; ++draw) {
    const double value = one.unit();
    EXPECT_EQ(value, same.unit());
    EXPECT_GE(value, 0);
    EXPECT_LT(value, 1);
  }
}

}  // namespace
}  // namespace cmms::retry
