// A secret in the URL, for providers that sign nothing: the last segment of the request's path, which the
// gateway hands on in a header, is one of the secrets.
#include <openssl/crypto.h>

#include <array>
#include <string>

#include "core/exchange/ascii.hpp"
#include "core/signature/scheme.hpp"

namespace cmms::signature {
namespace {

// Set by the gateway. The first that is there counts, so that a gateway need set only one.
constexpr std::array<std::string_view, 3> path_headers = {"x-webhook-path", "x-original-uri",
                                                          "x-forwarded-uri"};
constexpr std::size_t max_path_bytes = 4096;
constexpr std::size_t min_secret_bytes = 16;

// "/hooks/mobility/3f9a?x=y" -> "3f9a"
std::string_view last_segment(std::string_view path) {
  path = path.substr(0, path.find_first_of("?#"));
  while (path.ends_with('/')) path.remove_suffix(1);
  return path.substr(path.rfind('/') + 1);
}

bool is_unreserved(char character) {
  return ascii::is_digit(character) ||
         (ascii::to_lower(character) >= 'a' && ascii::to_lower(character) <= 'z') || character == '-' ||
         character == '.' || character == '_' || character == '~';
}

Result<Verified> verify_path_secret(std::span<const std::string_view> secrets, const Message& message,
                                    const Settings& /*settings*/) {
  if (secrets.empty()) {
    return Error{ErrorClass::configuration,
                 "no webhook secret is configured for this provider",
                 {},
                 "Set webhook_secret in the user mapping of this provider."};
  }
  std::optional<std::string_view> path;
  for (const std::string_view name : path_headers) {
    if (!path) path = message.header(name);
  }
  if (!path || path->size() > max_path_bytes) {
    return Error{ErrorClass::authentication,
                 path ? "the path of the webhook is too long" : "the path of the webhook is missing",
                 {},
                 "Have the gateway hand the request's path on in the header x-webhook-path."};
  }
  const std::string_view given = last_segment(ascii::trim(*path));
  int matches = 0;
  // Every secret is compared whole: the time taken tells nothing about which one fitted, or how far.
  for (const std::string_view secret : secrets) {
    if (given.size() == secret.size()) {
      matches += CRYPTO_memcmp(given.data(), secret.data(), secret.size()) == 0 ? 1 : 0;
    }
  }
  if (matches > 0) return Verified{};
  return Error{ErrorClass::authentication,
               "the path of the webhook does not end in the secret",
               {},
               "The secret differs from that in the URL that the provider was given."};
}

Status check_path_secret(std::string_view secret) {
  bool is_usable = secret.size() >= min_secret_bytes && secret.size() <= max_path_bytes / 2;
  for (const char character : secret) is_usable = is_usable && is_unreserved(character);
  if (is_usable) return Nothing{};
  return Error{ErrorClass::configuration,
               "the webhook secret cannot be the last segment of a path",
               {},
               "Use 16 or more letters, digits, hyphens, dots, underscores or tildes."};
}

}  // namespace

const Scheme path_secret_scheme{"path_secret", verify_path_secret, check_path_secret};

}  // namespace cmms::signature
