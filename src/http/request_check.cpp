#include "http/request_check.hpp"

#include <algorithm>
#include <array>

#include "core/exchange/ascii.hpp"

namespace cmms::http {
namespace {

constexpr std::size_t max_url_bytes = 1U << 16U;

// The characters of an RFC 9110 token: methods and header names.
bool is_token(std::string_view text) {
  static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  const auto allowed = [](char character) {
    const char lower = ascii::to_lower(character);
    return ascii::is_digit(character) || (lower >= 'a' && lower <= 'z') ||
           marks.find(character) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

bool starts_with_ignore_case(std::string_view text, std::string_view prefix) {
  return ascii::equal_ignore_case(text.substr(0, prefix.size()), prefix);
}

std::string url_problem(std::string_view url) {
  if (!starts_with_ignore_case(url, "https://") && !starts_with_ignore_case(url, "http://")) {
    return "the URL does not start with https:// or http://";
  }
  if (url.size() > max_url_bytes) return "the URL is longer than " + std::to_string(max_url_bytes) + " bytes";
  const bool printable =
      std::all_of(url.begin(), url.end(), [](char character) { return character > ' ' && character <= '~'; });
  if (!printable) return "the URL holds blanks, control or non-ASCII characters that are not percent-encoded";
  const auto authority = authority_of(url);
  if (authority.empty()) return "the URL names no host";
  if (authority.find('@') != std::string_view::npos) return "the URL holds credentials";
  return {};
}

// The message's framing and its connection are the transport's own business.
bool is_reserved(std::string_view name) {
  constexpr std::array<std::string_view, 5> reserved{"content-length", "transfer-encoding", "connection",
                                                     "expect", "accept-encoding"};
  return std::any_of(reserved.begin(), reserved.end(),
                     [name](std::string_view known) { return ascii::equal_ignore_case(name, known); });
}

std::string header_problem(const Header& header) {
  if (!is_token(header.name)) return "a header of the request has a malformed name";
  if (is_reserved(header.name)) return "header \"" + header.name + "\" cannot be set for a request";
  constexpr std::string_view forbidden("\r\n\0", 3);
  if (header.value.find_first_of(forbidden) != std::string::npos) {
    return "header \"" + header.name + "\" holds a line break or a null byte";
  }
  return {};
}

}  // namespace

std::string_view authority_of(std::string_view url) {
  const auto start = url.find("://");
  if (start == std::string_view::npos) return {};
  const auto authority = url.substr(start + 3);
  return authority.substr(0, authority.find_first_of("/?#\\"));
}

std::string unusable_because(const Request& request) {
  constexpr std::size_t max_method_bytes = 32;
  if (!is_token(request.method) || request.method.size() > max_method_bytes) {
    return "the request's method is malformed";
  }
  if (auto problem = url_problem(request.url); !problem.empty()) return problem;
  for (const auto& header : request.headers) {
    if (auto problem = header_problem(header); !problem.empty()) return problem;
  }
  return {};
}

}  // namespace cmms::http
