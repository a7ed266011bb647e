// JSON as text: quoting, number syntax and UTF-8, without a JSON library.
#include "core/json/text.hpp"

#include <cstdint>
#include <cstring>

namespace cmms::json {
namespace {

// PostgreSQL's numeric takes far more; nothing a provider sends needs it, and the expanded digits cost
// memory.
constexpr std::size_t max_number_bytes = 1000;
constexpr int max_exponent = 1000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t digits_length(std::string_view text, std::size_t from) {
  std::size_t end = from;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - from;
}

bool is_continuation(std::uint8_t byte) { return (byte & 0xC0U) == 0x80U; }

// The length of the UTF-8 sequence at text[at], 0 when it is not one: no overlong forms, no surrogates.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  auto byte = [&](std::size_t offset) { return static_cast<std::uint8_t>(text[at + offset]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || text.size() - at < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(byte(i))) return 0;
  }
  const std::uint8_t second = byte(1);
  if (lead == 0xE0 && second < 0xA0) return 0;
  if (lead == 0xED && second > 0x9F) return 0;
  if (lead == 0xF0 && second < 0x90) return 0;
  if (lead == 0xF4 && second > 0x8F) return 0;
  return length;
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  static constexpr std::string_view hex = "0123456789abcdef";
  out.push_back('"');
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<std::uint8_t>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(copied, i - copied));
    copied = i + 1;
    switch (c) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      default:
        out.append("\\u00");
        out.push_back(hex[c >> 4U]);
        out.push_back(hex[c & 0xFU]);
    }
  }
  out.append(text.substr(copied));
  out.push_back('"');
}

std::string quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_quoted(out, text);
  return out;
}

std::string quote_clipped(std::string_view text) { return quote(clip(text, 100)); }

std::size_t number_length(std::string_view text) {
  std::size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  const std::size_t whole = digits_length(text, at);
  if (whole == 0) return 0;
  at += text[at] == '0' ? 1 : whole;  // no leading zeros
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = digits_length(text, at + 1);
    if (fraction == 0) return 0;
    at += 1 + fraction;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    std::size_t digits_at = at + 1;
    if (digits_at < text.size() && (text[digits_at] == '+' || text[digits_at] == '-')) ++digits_at;
    const std::size_t exponent = digits_length(text, digits_at);
    if (exponent == 0) return 0;
    at = digits_at + exponent;
  }
  return at;
}

bool number_in_range(std::string_view number) {
  if (number.size() > max_number_bytes) return false;
  const std::size_t mark = number.find_first_of("eE");
  if (mark == std::string_view::npos) return true;
  int exponent = 0;
  for (const char c : number.substr(mark + 1)) {
    if (!is_digit(c)) continue;
    exponent = exponent * 10 + (c - '0');
    if (exponent > max_exponent) return false;
  }
  return true;
}

bool is_number(std::string_view text) {
  return !text.empty() && number_length(text) == text.size() && number_in_range(text);
}

std::size_t valid_utf8_length(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    while (text.size() - at >= sizeof(std::uint64_t)) {  // eight ASCII bytes at a time
      std::uint64_t block = 0;
      std::memcpy(&block, text.data() + at, sizeof block);
      if ((block & 0x8080808080808080ULL) != 0) break;
      at += sizeof block;
    }
    if (at == text.size()) break;
    const std::size_t length = sequence_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return at;
}

std::string clip(std::string_view text, std::size_t max_bytes) {
  static constexpr std::string_view ellipsis = "...";
  if (text.size() <= max_bytes) return std::string(text);
  std::size_t end = max_bytes > ellipsis.size() ? max_bytes - ellipsis.size() : 0;
  while (end > 0 && is_continuation(static_cast<std::uint8_t>(text[end]))) --end;
  std::string out(text.substr(0, end));
  if (max_bytes >= ellipsis.size()) out.append(ellipsis);
  return out;
}

}  // namespace cmms::json
