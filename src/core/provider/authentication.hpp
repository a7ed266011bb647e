// How a request proves who sends it: named strategies behind an explicit table. To add one: a file in
// authentication/, its declaration in authentication/styles.hpp and a line in authentication.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/message.hpp"
#include "core/provider/descriptor.hpp"
#include "core/provider/template.hpp"
#include "core/result.hpp"

namespace cmms::provider {

struct AuthenticationStyle {
  std::string_view name;
  std::vector<std::string_view> (*parameters)();  // the names that a descriptor may give
  // nullopt: its credentials are not given, and the next strategy of the descriptor is asked.
  Result<std::optional<Header>> (*header)(const AuthenticationSpec& spec, const TemplateLookup& lookup);
  // What must be masked besides the credentials themselves; empty when there is nothing.
  std::string (*derived_secret)(const Header& header);
};

const AuthenticationStyle* find_authentication_style(std::string_view name);
std::vector<std::string_view> authentication_style_names();

// The first strategy whose credentials are there; nullopt: requests go out unauthenticated.
struct Authenticated {
  Header header;
  std::string derived_secret;
};
Result<std::optional<Authenticated>> authenticate(const Descriptor& descriptor, const TemplateLookup& lookup);

}  // namespace cmms::provider
