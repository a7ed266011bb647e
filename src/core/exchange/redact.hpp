// Masks credentials in whatever is logged or shown: bodies, URLs, header values, error texts.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cmms {

inline constexpr std::string_view redacted_mark = "***";

// Replaces every secret in `text`, also where it stands percent-encoded, JSON-escaped or in base64.
// Secrets shorter than four bytes are left alone: they would mask ordinary words and hide nothing.
std::string redact(std::string text, std::span<const std::string_view> secrets);

// Masks the user information and every query parameter whose name says secret, then the secrets themselves.
std::string redact_url(std::string_view url, std::span<const std::string_view> secrets);

// Whether the value of this header must not be stored: Authorization, Cookie, API keys, tokens.
bool is_secret_header(std::string_view name);

}  // namespace cmms
