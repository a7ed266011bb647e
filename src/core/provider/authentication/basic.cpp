// Authentication by user name and password, RFC 7617.
#include <openssl/evp.h>

#include "core/provider/authentication/styles.hpp"

namespace cmms::provider {
namespace {

constexpr std::string_view scheme = "Basic ";

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

Result<std::optional<std::string>> expand_parameter(const AuthenticationSpec& spec, std::string_view name,
                                                    const TemplateLookup& lookup) {
  const auto found = spec.parameters.find(name);
  if (found == spec.parameters.end()) return std::optional<std::string>();
  return expand(found->second, lookup, Escape::none);
}

Result<std::optional<Header>> make_header(const AuthenticationSpec& spec, const TemplateLookup& lookup) {
  Result<std::optional<std::string>> username = expand_parameter(spec, "username", lookup);
  if (!username) return std::move(username).error();
  Result<std::optional<std::string>> password = expand_parameter(spec, "password", lookup);
  if (!password) return std::move(password).error();
  if (!username.value() || !password.value()) return std::optional<Header>();
  return std::optional<Header>(
      {"Authorization", std::string(scheme) + base64(*username.value() + ":" + *password.value())});
}

}  // namespace

const AuthenticationStyle basic_authentication{
    "basic",
    [] {
      return std::vector<std::string_view>{"username", "password"};
    },
    make_header, [](const Header& header) { return header.value.substr(scheme.size()); }};

}  // namespace cmms::provider
