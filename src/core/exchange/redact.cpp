#include "core/exchange/redact.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "core/exchange/ascii.hpp"

namespace cmms {
namespace {

constexpr std::size_t shortest_secret = 4;

bool is_unreserved(char character) {
  return ascii::is_digit(character) ||
         (ascii::to_lower(character) >= 'a' && ascii::to_lower(character) <= 'z') || character == '-' ||
         character == '.' || character == '_' || character == '~';
}

std::string percent_encoded(std::string_view text, std::string_view digits) {
  std::string encoded;
  for (const char character : text) {
    if (is_unreserved(character)) {
      encoded += character;
      continue;
    }
    const auto byte = static_cast<unsigned char>(character);
    encoded += '%';
    encoded += digits[byte >> 4U];
    encoded += digits[byte & 0x0FU];
  }
  return encoded;
}

std::string json_escaped(std::string_view text) {
  std::string escaped;
  for (const char character : text) {
    switch (character) {
      case '\n':
        escaped += "\\n";
        break;
      case '\r':
        escaped += "\\r";
        break;
      case '\t':
        escaped += "\\t";
        break;
      case '"':
      case '\\':
        escaped += '\\';
        [[fallthrough]];
      default:
        escaped += character;
    }
  }
  return escaped;
}

// The middle of a base64 text in which `text` stands at byte offset `shift` modulo 3: only the characters
// that depend on `text` alone, so that "Basic base64(user:secret)" is found too.
std::string base64_core(std::string_view text, std::size_t shift) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t total_bits = text.size() * 8;
  // Bits before the first whole character: 8 * shift is not a multiple of 6 unless shift is 0.
  std::size_t bit = (6 - (shift * 8) % 6) % 6;
  std::string core;
  for (; bit + 6 <= total_bits; bit += 6) {
    unsigned value = 0;
    for (std::size_t position = bit; position < bit + 6; ++position) {
      const auto byte = static_cast<unsigned char>(text[position / 8]);
      value = (value << 1U) | ((static_cast<unsigned>(byte) >> (7U - position % 8U)) & 1U);
    }
    core += alphabet[value];
  }
  return core;
}

// Every form in which the secrets may stand in a text, the longest first: a secret may contain another one.
std::vector<std::string> forms_of(std::span<const std::string_view> secrets) {
  std::vector<std::string> forms;
  const auto add = [&forms](std::string form) {
    if (form.size() >= shortest_secret) forms.push_back(std::move(form));
  };
  for (const auto secret : secrets) {
    if (secret.size() < shortest_secret) continue;
    add(std::string(secret));
    add(percent_encoded(secret, "0123456789ABCDEF"));
    add(percent_encoded(secret, "0123456789abcdef"));
    add(json_escaped(secret));
    // Short cores would match by chance.
    constexpr std::size_t shortest_base64 = 8;
    for (std::size_t shift = 0; shift < 3; ++shift) {
      if (auto core = base64_core(secret, shift); core.size() >= shortest_base64) add(std::move(core));
    }
  }
  std::sort(forms.begin(), forms.end(), [](const std::string& left, const std::string& right) {
    return left.size() != right.size() ? left.size() > right.size() : left < right;
  });
  forms.erase(std::unique(forms.begin(), forms.end()), forms.end());
  return forms;
}

void replace_all(std::string& text, std::string_view from) {
  std::size_t position = text.find(from);
  if (position == std::string::npos) return;
  std::string replaced;
  std::size_t copied = 0;
  for (; position != std::string::npos; position = text.find(from, copied)) {
    replaced.append(text, copied, position - copied).append(redacted_mark);
    copied = position + from.size();
  }
  replaced.append(text, copied);
  text = std::move(replaced);
}

bool contains_ignore_case(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(), [](char left, char right) {
           return ascii::to_lower(left) == ascii::to_lower(right);
         }) != text.end();
}

constexpr std::array<std::string_view, 11> secret_words{
    "token",   "secret", "password", "passwd",        "apikey",          "api_key",
    "api-key", "cookie", "session",  "authorization", "subscription-key"};

bool names_a_secret(std::string_view name) {
  return std::any_of(secret_words.begin(), secret_words.end(),
                     [name](std::string_view word) { return contains_ignore_case(name, word); });
}

// A signature in a URL opens what it signs; one in a webhook's header proves only where that message came
// from.
bool is_secret_parameter(std::string_view name) {
  return names_a_secret(name) || contains_ignore_case(name, "signature") ||
         ascii::equal_ignore_case(name, "sig") || ascii::equal_ignore_case(name, "key");
}

}  // namespace

std::string redact(std::string text, std::span<const std::string_view> secrets) {
  for (const auto& form : forms_of(secrets)) replace_all(text, form);
  return text;
}

std::string redact_url(std::string_view url, std::span<const std::string_view> secrets) {
  std::string result;
  const auto scheme_end = url.find("://");
  const auto authority = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  const auto authority_end = std::min(url.find_first_of("/?#", authority), url.size());
  const auto user_end = url.substr(0, authority_end).rfind('@');
  const auto query = std::min(url.find('?', authority), url.size());

  result.append(url.substr(0, authority));
  if (user_end != std::string_view::npos && user_end >= authority) {
    result.append(redacted_mark).append(url.substr(user_end, query - user_end));
  } else {
    result.append(url.substr(authority, query - authority));
  }
  for (std::size_t start = query; start < url.size();) {
    const auto end = std::min(url.find('&', start + 1), url.size());
    const auto parameter = url.substr(start, end - start);  // with its leading '?' or '&'
    const auto equals = parameter.find('=');
    if (equals != std::string_view::npos && is_secret_parameter(parameter.substr(1, equals - 1))) {
      result.append(parameter.substr(0, equals + 1)).append(redacted_mark);
    } else {
      result.append(parameter);
    }
    start = end;
  }
  return redact(std::move(result), secrets);
}

bool is_secret_header(std::string_view name) { return names_a_secret(name); }

}  // namespace cmms
