// Authentication by a header whose value is a template of credentials.
#include "core/exchange/ascii.hpp"
#include "core/provider/authentication/styles.hpp"

namespace cmms::provider {
namespace {

std::string_view parameter(const AuthenticationSpec& spec, std::string_view name) {
  const auto found = spec.parameters.find(name);
  return found == spec.parameters.end() ? std::string_view() : std::string_view(found->second);
}

Result<std::optional<Header>> make_header(const AuthenticationSpec& spec, const TemplateLookup& lookup) {
  Result<std::optional<std::string>> name = expand(parameter(spec, "name"), lookup, Escape::none);
  if (!name) return std::move(name).error();
  Result<std::optional<std::string>> value = expand(parameter(spec, "value"), lookup, Escape::none);
  if (!value) return std::move(value).error();
  if (!name.value() || name.value()->empty() || !value.value()) return std::optional<Header>();
  // A scheme word that is empty must not leave its blank behind.
  return std::optional<Header>({std::move(*name.value()), std::string(ascii::trim(*value.value()))});
}

}  // namespace

const AuthenticationStyle header_authentication{"header",
                                                [] {
                                                  return std::vector<std::string_view>{"name", "value"};
                                                },
                                                make_header, [](const Header&) { return std::string(); }};

}  // namespace cmms::provider
