// The table of authentication strategies.
#include "core/provider/authentication.hpp"

#include <array>

#include "core/provider/authentication/styles.hpp"

namespace cmms::provider {
namespace {

constexpr std::array<const AuthenticationStyle*, 4> styles{&header_authentication, &basic_authentication,
                                                           &bearer_authentication,
                                                           &oauth2_client_credentials_authentication};

}  // namespace

const AuthenticationStyle* find_authentication_style(std::string_view name) {
  for (const AuthenticationStyle* style : styles) {
    if (style->name == name) return style;
  }
  return nullptr;
}

std::vector<std::string_view> authentication_style_names() {
  std::vector<std::string_view> names;
  names.reserve(styles.size());
  for (const AuthenticationStyle* style : styles) names.push_back(style->name);
  return names;
}

Result<std::optional<std::string>> authentication_parameter(const AuthenticationSpec& spec,
                                                            std::string_view name,
                                                            const TemplateLookup& lookup) {
  const auto found = spec.parameters.find(name);
  if (found == spec.parameters.end()) return std::optional<std::string>();
  return expand(found->second, lookup, Escape::none);
}

Result<std::optional<Authentication>> authenticate(const Descriptor& descriptor,
                                                   const TemplateLookup& lookup) {
  for (const AuthenticationSpec& spec : descriptor.authentication) {
    const AuthenticationStyle* style = find_authentication_style(spec.style);
    if (style == nullptr) continue;  // refused when the descriptor was parsed
    Result<std::optional<Authentication>> made = style->make(spec, lookup);
    if (!made || made.value()) return made;
  }
  return std::optional<Authentication>();
}

}  // namespace cmms::provider
