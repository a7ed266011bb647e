// Authentication by user name and password, RFC 7617.
#include <openssl/evp.h>

#include "core/provider/authentication/styles.hpp"

namespace cmms::provider {
namespace {

Result<std::optional<Authentication>> make(const AuthenticationSpec& spec, const TemplateLookup& lookup) {
  Result<std::optional<std::string>> username = authentication_parameter(spec, "username", lookup);
  if (!username) return std::move(username).error();
  Result<std::optional<std::string>> password = authentication_parameter(spec, "password", lookup);
  if (!password) return std::move(password).error();
  if (!username.value() || !password.value()) return std::optional<Authentication>();
  Authentication authentication;
  authentication.derived_secret = basic_credentials(*username.value(), *password.value());
  authentication.header = {"Authorization", "Basic " + authentication.derived_secret};
  return std::optional(std::move(authentication));
}

}  // namespace

std::string basic_credentials(std::string_view username, std::string_view password) {
  const std::string bytes = std::string(username) + ":" + std::string(password);
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

const AuthenticationStyle basic_authentication{
    "basic",
    [] {
      return std::vector<StyleParameter>{{"username", true}, {"password", true}};
    },
    make};

}  // namespace cmms::provider
