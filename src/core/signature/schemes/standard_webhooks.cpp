// Standard Webhooks: webhook-signature holds "v1,<base64>" with HMAC-SHA256 over
// "<webhook-id>.<webhook-timestamp>.<body>".
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/exchange/ascii.hpp"
#include "core/signature/scheme.hpp"

namespace cmms::signature {
namespace {

constexpr std::size_t max_id_bytes = 256;
constexpr std::size_t max_timestamp_digits = 15;
constexpr std::size_t max_signature_header_bytes = 4096;
constexpr std::size_t max_secrets = 16;
constexpr std::size_t digest_bytes = 32;
constexpr std::size_t max_key_bytes = 1024;

using Digest = std::array<unsigned char, digest_bytes>;

Error authentication_error(std::string message, std::string detail = {}, std::string hint = {}) {
  return {ErrorClass::authentication, std::move(message), std::move(detail), std::move(hint)};
}

// Standard base64 with padding. Nothing on any other character.
std::optional<std::vector<unsigned char>> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const auto padding_at = std::min(text.find('='), text.size());
  const auto padding = text.size() - padding_at;
  const auto is_base64 = [](char character) {
    return ascii::is_digit(character) ||
           (ascii::to_lower(character) >= 'a' && ascii::to_lower(character) <= 'z') || character == '+' ||
           character == '/';
  };
  if (padding > 2 ||
      !std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(padding_at), is_base64) ||
      text.find_first_not_of('=', padding_at) != std::string_view::npos) {
    return std::nullopt;
  }
  std::vector<unsigned char> decoded(text.size() / 4 * 3);
  const int length = EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0 || static_cast<std::size_t>(length) < padding) return std::nullopt;
  decoded.resize(static_cast<std::size_t>(length) - padding);
  return decoded;
}

// Key bytes that are wiped when they are no longer needed.
class Key {
 public:
  explicit Key(std::vector<unsigned char> bytes) : bytes_(std::move(bytes)) {}
  ~Key() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  Key(Key&&) = default;
  Key& operator=(Key&&) = delete;
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  const std::vector<unsigned char>& bytes() const { return bytes_; }

 private:
  std::vector<unsigned char> bytes_;
};

Result<Key> read_secret(std::string_view secret) {
  constexpr std::string_view prefix = "whsec_";
  auto text = ascii::trim(secret);
  if (text.substr(0, prefix.size()) == prefix) text.remove_prefix(prefix.size());
  auto bytes = text.size() <= max_key_bytes * 2 ? decode_base64(text) : std::nullopt;
  if (!bytes || bytes->empty() || bytes->size() > max_key_bytes) {
    return Error{ErrorClass::configuration,
                 "the webhook secret is not a Standard Webhooks secret",
                 {},
                 "The secret is \"whsec_\" followed by the key in base64 with its padding."};
  }
  return Key(std::move(*bytes));
}

struct Headers {
  std::string_view id;
  std::string_view timestamp;
  std::string_view signatures;
};

Result<std::string_view> read_header(const Message& message, std::string_view name, std::size_t limit) {
  const auto value = message.header(name);
  if (!value || ascii::trim(*value).empty()) {
    return authentication_error("webhook header \"" + std::string(name) + "\" is missing");
  }
  const auto text = ascii::trim(*value);
  if (text.size() > limit) {
    return authentication_error("webhook header \"" + std::string(name) + "\" is longer than " +
                                std::to_string(limit) + " bytes");
  }
  return text;
}

Result<Headers> read_headers(const Message& message) {
  const auto id = read_header(message, "webhook-id", max_id_bytes);
  if (!id.ok()) return id.error();
  const auto timestamp = read_header(message, "webhook-timestamp", max_timestamp_digits);
  if (!timestamp.ok()) return timestamp.error();
  const auto signatures = read_header(message, "webhook-signature", max_signature_header_bytes);
  if (!signatures.ok()) return signatures.error();
  return Headers{id.value(), timestamp.value(), signatures.value()};
}

Result<std::chrono::sys_seconds> check_timestamp(std::string_view text, SystemTime now,
                                                 std::chrono::seconds tolerance) {
  const auto seconds = ascii::parse_digits(text);
  if (!seconds) {
    return authentication_error("webhook header \"webhook-timestamp\" is not a number of seconds since 1970");
  }
  const std::chrono::sys_seconds timestamp{std::chrono::seconds(*seconds)};
  const auto age = std::chrono::floor<std::chrono::seconds>(now) - timestamp;
  const auto allowed = "Up to " + std::to_string(tolerance.count()) + " seconds are accepted.";
  if (age > tolerance) {
    return authentication_error("webhook time stamp is " + std::to_string(age.count()) + " seconds old",
                                allowed,
                                "The delivery was delayed or replayed, or one of the two clocks is wrong.");
  }
  if (-age > tolerance) {
    return authentication_error(
        "webhook time stamp lies " + std::to_string(-age.count()) + " seconds in the future", allowed,
        "One of the two clocks is wrong.");
  }
  return timestamp;
}

// The v1 signatures of the header; other versions and what is no digest are passed over.
std::vector<Digest> parse_signatures(std::string_view header) {
  std::vector<Digest> digests;
  while (!header.empty()) {
    const auto end = std::min(header.find(' '), header.size());
    const auto entry = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    constexpr std::string_view version = "v1,";
    if (entry.substr(0, version.size()) != version) continue;
    const auto bytes = decode_base64(entry.substr(version.size()));
    if (!bytes || bytes->size() != digest_bytes) continue;
    std::copy(bytes->begin(), bytes->end(), digests.emplace_back().begin());
  }
  return digests;
}

std::optional<Digest> sign(const Key& key, std::string_view content) {
  Digest digest{};
  unsigned length = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(content.data());
  if (HMAC(EVP_sha256(), key.bytes().data(), static_cast<int>(key.bytes().size()), data, content.size(),
           digest.data(), &length) == nullptr ||
      length != digest_bytes) {
    return std::nullopt;
  }
  return digest;
}

// Compares with every secret and signature, so that the time taken tells nothing about which one fitted.
Result<bool> any_match(std::span<const std::string_view> secrets, const std::vector<Digest>& candidates,
                       std::string_view content) {
  int matches = 0;
  for (const auto secret : secrets) {
    const auto key = read_secret(secret);
    if (!key.ok()) return key.error();
    const auto expected = sign(key.value(), content);
    if (!expected) {
      return Error{ErrorClass::configuration, "could not compute HMAC-SHA256 with this OpenSSL", {}, {}};
    }
    for (const auto& candidate : candidates) {
      matches += CRYPTO_memcmp(expected->data(), candidate.data(), digest_bytes) == 0 ? 1 : 0;
    }
  }
  return matches > 0;
}

Result<Verified> verify_standard_webhooks(std::span<const std::string_view> secrets, const Message& message,
                                          const Settings& settings) {
  if (secrets.empty() || secrets.size() > max_secrets) {
    return Error{ErrorClass::configuration,
                 secrets.empty()
                     ? "no webhook secret is configured for this provider"
                     : "more than " + std::to_string(max_secrets) + " webhook secrets are configured",
                 {},
                 "Set webhook_secret in the user mapping of this provider."};
  }
  const auto headers = read_headers(message);
  if (!headers.ok()) return headers.error();
  const auto& [id, timestamp_text, signatures] = headers.value();
  const bool printable =
      std::all_of(id.begin(), id.end(), [](char character) { return character > ' ' && character <= '~'; });
  if (!printable) return authentication_error("webhook header \"webhook-id\" holds unprintable characters");
  const auto timestamp = check_timestamp(timestamp_text, message.now, settings.tolerance);
  if (!timestamp.ok()) return timestamp.error();
  const auto candidates = parse_signatures(signatures);
  if (candidates.empty()) {
    return authentication_error("webhook header \"webhook-signature\" holds no signature of version v1");
  }

  std::string content;
  content.reserve(id.size() + timestamp_text.size() + message.body.size() + 2);
  content.append(id).append(".").append(timestamp_text).append(".").append(message.body);
  const auto matched = any_match(secrets, candidates, content);
  if (!matched.ok()) return matched.error();
  if (!matched.value()) {
    return authentication_error("webhook signature does not match", {},
                                "The secret differs from the sender's, or the body was changed on its way.");
  }
  return Verified{std::string(id), timestamp.value()};
}

Status check_standard_webhooks_secret(std::string_view secret) {
  const auto key = read_secret(secret);
  if (!key.ok()) return key.error();
  return Nothing{};
}

}  // namespace

const Scheme standard_webhooks_scheme{"standard_webhooks", verify_standard_webhooks,
                                      check_standard_webhooks_secret};

}  // namespace cmms::signature
