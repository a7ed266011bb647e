// Authentication by a header whose value is a template of credentials.
#include "core/exchange/ascii.hpp"
#include "core/provider/authentication/styles.hpp"

namespace cmms::provider {
namespace {

Result<std::optional<Authentication>> make(const AuthenticationSpec& spec, const TemplateLookup& lookup) {
  Result<std::optional<std::string>> name = authentication_parameter(spec, "name", lookup);
  if (!name) return std::move(name).error();
  Result<std::optional<std::string>> value = authentication_parameter(spec, "value", lookup);
  if (!value) return std::move(value).error();
  if (!name.value() || name.value()->empty() || !value.value()) return std::optional<Authentication>();
  Authentication authentication;
  // A scheme word that is empty must not leave its blank behind.
  authentication.header = {std::move(*name.value()), std::string(ascii::trim(*value.value()))};
  return std::optional(std::move(authentication));
}

}  // namespace

const AuthenticationStyle header_authentication{
    "header",
    [] {
      return std::vector<StyleParameter>{{"name", true}, {"value", true}};
    },
    make};

}  // namespace cmms::provider
