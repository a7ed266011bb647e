#include "core/rate_limit/account.hpp"

#include <gtest/gtest.h>

namespace cmms::rate_limit {
namespace {

using Credentials = std::map<std::string, std::string, std::less<>>;

TEST(AccountTest, TakesTheOriginOfAnUrl) {
  EXPECT_EQ(origin_of("https://App.Example.com:8443/api/v1"), "https://app.example.com:8443");
  EXPECT_EQ(origin_of("https://app.example.com?x=/"), "https://app.example.com");
  EXPECT_EQ(origin_of("http://[::1]:80"), "http://[::1]:80");
  EXPECT_EQ(origin_of(""), "");
}

TEST(AccountTest, OneOriginAndCredentialAreOneAccount) {
  const Credentials one{{"api_key", "a"}, {"webhook_secret", "1"}};
  const Credentials same{{"api_key", "a"}, {"webhook_secret", "2"}};
  const AccountKey key = account_key("https://example.com/api/v1", one);
  EXPECT_EQ(key, account_key("https://EXAMPLE.com/api/v2", same));
  EXPECT_NE(key, account_key("https://example.com/api/v1", {{"api_key", "b"}}));
  EXPECT_NE(key, account_key("https://example.org/api/v1", one));
  EXPECT_NE(account_key("u", {{"user", "ab"}, {"password", "c"}}),
            account_key("u", {{"user", "a"}, {"password", "bc"}}));
}

TEST(AccountTest, SharesALimitForAsLongAsSomebodyHoldsIt) {
  Accounts accounts;
  const AccountKey key = account_key("https://example.com", {{"api_key", "a"}});
  const auto first = std::make_shared<RateLimit>();
  auto held = accounts.share(key, first);
  EXPECT_EQ(held, first);
  auto second = accounts.share(key, std::make_shared<RateLimit>());
  EXPECT_EQ(second, first);
  EXPECT_NE(
      accounts.share(account_key("https://example.com", {{"api_key", "b"}}), std::make_shared<RateLimit>()),
      first);
}

TEST(AccountTest, ForgetsWhatNobodyHolds) {
  Accounts accounts;
  const AccountKey key = account_key("https://example.com", {{"api_key", "a"}});
  accounts.share(key, std::make_shared<RateLimit>())->pause_until(SystemTime::max());
  const auto later = accounts.share(key, std::make_shared<RateLimit>());
  EXPECT_EQ(later->hold(SystemTime{}).reason, Hold::Reason::none);
}

TEST(AccountTest, OfTwoRatesTheStricterCounts) {
  const RateLimit::Policy none;
  const RateLimit::Policy slow{.requests_per_second = 1, .burst = 10};
  const RateLimit::Policy fast{.requests_per_second = 5, .burst = 2};
  EXPECT_EQ(stricter(none, slow), slow);
  EXPECT_EQ(stricter(slow, none), slow);
  EXPECT_EQ(stricter(slow, fast), (RateLimit::Policy{.requests_per_second = 1, .burst = 2}));
}

}  // namespace
}  // namespace cmms::rate_limit
