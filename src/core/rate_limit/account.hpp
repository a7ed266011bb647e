// Accounts at providers: servers that use one account share its rate limit, as the provider counts them
// together.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/rate_limit/rate_limit.hpp"

namespace cmms::rate_limit {

// Scheme, host and port of a URL, in lower case.
std::string origin_of(std::string_view url);

// Which account: where it is, and a hash of what one logs in with. Never written anywhere.
using AccountKey = std::pair<std::string, std::size_t>;
AccountKey account_key(std::string_view base_url,
                       const std::map<std::string, std::string, std::less<>>& credentials);

class Accounts {
 public:
  // The limit of an account, kept for as long as somebody holds it; that is `own` where nobody did before.
  std::shared_ptr<RateLimit> share(const AccountKey& key, std::shared_ptr<RateLimit> own);

 private:
  std::map<AccountKey, std::weak_ptr<RateLimit>> limits_;
};

// Of two rates the one that keeps both.
RateLimit::Policy stricter(const RateLimit::Policy& one, const RateLimit::Policy& other);

}  // namespace cmms::rate_limit
