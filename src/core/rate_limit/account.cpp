#include "core/rate_limit/account.hpp"

#include <algorithm>
#include <functional>

#include "core/exchange/ascii.hpp"

namespace cmms::rate_limit {

std::string origin_of(std::string_view url) {
  const auto scheme_end = url.find("://");
  const std::size_t host = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  std::string origin(url.substr(0, url.find_first_of("/?#", host)));
  std::transform(origin.begin(), origin.end(), origin.begin(), ascii::to_lower);
  return origin;
}

AccountKey account_key(std::string_view base_url,
                       const std::map<std::string, std::string, std::less<>>& credentials) {
  std::string text;
  for (const auto& [name, value] : credentials) {
    if (name.starts_with("webhook_")) continue;  // checks what comes in; two servers may have two
    text += name + '\0' + value + '\0';
  }
  return {origin_of(base_url), std::hash<std::string>{}(text)};
}

std::shared_ptr<RateLimit> Accounts::share(const AccountKey& key, std::shared_ptr<RateLimit> own) {
  std::erase_if(limits_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<RateLimit>& known = limits_[key];
  if (std::shared_ptr<RateLimit> limit = known.lock()) return limit;
  known = own;
  return own;
}

RateLimit::Policy stricter(const RateLimit::Policy& one, const RateLimit::Policy& other) {
  if (one.requests_per_second <= 0) return other;
  if (other.requests_per_second <= 0) return one;
  return {std::min(one.requests_per_second, other.requests_per_second), std::min(one.burst, other.burst)};
}

}  // namespace cmms::rate_limit
