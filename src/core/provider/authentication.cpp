// The table of authentication strategies.
#include "core/provider/authentication.hpp"

#include <array>

#include "core/provider/authentication/styles.hpp"

namespace cmms::provider {
namespace {

constexpr std::array<const AuthenticationStyle*, 2> styles{&header_authentication, &basic_authentication};

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

Result<std::optional<Authenticated>> authenticate(const Descriptor& descriptor,
                                                  const TemplateLookup& lookup) {
  for (const AuthenticationSpec& spec : descriptor.authentication) {
    const AuthenticationStyle* style = find_authentication_style(spec.style);
    if (style == nullptr) continue;  // refused when the descriptor was parsed
    Result<std::optional<Header>> header = style->header(spec, lookup);
    if (!header) return std::move(header).error();
    if (!header.value()) continue;
    std::string secret = style->derived_secret(*header.value());
    return std::optional<Authenticated>({std::move(*header.value()), std::move(secret)});
  }
  return std::optional<Authenticated>();
}

}  // namespace cmms::provider
