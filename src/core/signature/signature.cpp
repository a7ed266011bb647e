#include "core/signature/signature.hpp"

#include <algorithm>
#include <array>

#include "core/signature/scheme.hpp"

namespace cmms::signature {
namespace {

// Every scheme there is: one line each.
constexpr std::array<const Scheme*, 3> schemes{
    &standard_webhooks_scheme,
    &path_secret_scheme,
    &none_scheme,
};

const Scheme* find_scheme(std::string_view name) {
  const auto found = std::find_if(schemes.begin(), schemes.end(),
                                  [name](const Scheme* scheme) { return scheme->name == name; });
  return found == schemes.end() ? nullptr : *found;
}

Error unknown_scheme(std::string_view name) {
  std::string known;
  for (const auto* scheme : schemes) known.append(known.empty() ? "" : ", ").append(scheme->name);
  return {ErrorClass::configuration,
          "unknown webhook signature scheme \"" + std::string(name.substr(0, 64)) + "\"",
          {},
          "The schemes are: " + known + "."};
}

}  // namespace

Result<Verified> verify(std::string_view scheme, std::span<const std::string_view> secrets,
                        const Message& message, const Settings& settings) {
  const auto* found = find_scheme(scheme);
  if (found == nullptr) return unknown_scheme(scheme);
  return found->verify(secrets, message, settings);
}

Status check_secret(std::string_view scheme, std::string_view secret) {
  const auto* found = find_scheme(scheme);
  if (found == nullptr) return unknown_scheme(scheme);
  return found->check_secret(secret);
}

Status check_secret_of_any_scheme(std::string_view secret) {
  Status status = Nothing{};
  for (const auto* scheme : schemes) {
    if (scheme == &none_scheme) continue;
    Status checked = scheme->check_secret(secret);
    if (checked) return checked;
    if (status) status = std::move(checked);
  }
  return status;
}

std::vector<std::string_view> split_secrets(std::string_view secrets) {
  std::vector<std::string_view> out;
  while (!secrets.empty()) {
    const std::size_t end = std::min(secrets.find_first_of(" \t,"), secrets.size());
    if (end > 0) out.push_back(secrets.substr(0, end));
    secrets.remove_prefix(std::min(end + 1, secrets.size()));
  }
  return out;
}

bool is_known_scheme(std::string_view scheme) { return find_scheme(scheme) != nullptr; }

std::vector<std::string_view> scheme_names() {
  std::vector<std::string_view> names;
  names.reserve(schemes.size());
  for (const auto* scheme : schemes) names.push_back(scheme->name);
  return names;
}

}  // namespace cmms::signature
