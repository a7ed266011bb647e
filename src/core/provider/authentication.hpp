// How a request proves who sends it: named strategies behind an explicit table. To add one: a file in
// authentication/, its declaration in authentication/styles.hpp and a line in authentication.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/message.hpp"
#include "core/provider/descriptor.hpp"
#include "core/provider/grant.hpp"
#include "core/provider/template.hpp"
#include "core/result.hpp"

namespace cmms::provider {

struct Authentication {
  Header header;                     // its value is empty where a token has to be asked for
  std::optional<GrantSource> token;  // where it is asked for
  std::string derived_secret;        // must be masked besides the credentials themselves; may be empty
};

struct AuthenticationStyle {
  std::string_view name;
  std::vector<StyleParameter> (*parameters)();
  // nullopt: its credentials are not given, and the next strategy of the descriptor is asked.
  Result<std::optional<Authentication>> (*make)(const AuthenticationSpec& spec, const TemplateLookup& lookup);
};

const AuthenticationStyle* find_authentication_style(std::string_view name);
std::vector<std::string_view> authentication_style_names();

// The first strategy whose credentials are there; nullopt: requests go out unauthenticated.
Result<std::optional<Authentication>> authenticate(const Descriptor& descriptor,
                                                   const TemplateLookup& lookup);

}  // namespace cmms::provider
