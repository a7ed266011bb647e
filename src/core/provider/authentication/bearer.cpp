// Authentication by a bearer token that does not change, RFC 6750.
#include "core/provider/authentication/styles.hpp"

namespace cmms::provider {
namespace {

Result<std::optional<Authentication>> make(const AuthenticationSpec& spec, const TemplateLookup& lookup) {
  Result<std::optional<std::string>> token = authentication_parameter(spec, "token", lookup);
  if (!token) return std::move(token).error();
  if (!token.value() || token.value()->empty()) return std::optional<Authentication>();
  Authentication authentication;
  authentication.header = {"Authorization", "Bearer " + *token.value()};
  authentication.derived_secret = std::move(*token.value());
  return std::optional(std::move(authentication));
}

}  // namespace

const AuthenticationStyle bearer_authentication{"bearer",
                                                [] {
                                                  return std::vector<StyleParameter>{{"token", true}};
                                                },
                                                make};

}  // namespace cmms::provider
