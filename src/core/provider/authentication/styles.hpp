// The strategies that exist; the table in authentication.cpp lists them.
#pragma once

#include "core/provider/authentication.hpp"

namespace cmms::provider {

extern const AuthenticationStyle header_authentication;  // a header with a key: "X-API-Key: ..."
extern const AuthenticationStyle basic_authentication;   // RFC 7617
extern const AuthenticationStyle bearer_authentication;  // RFC 6750, with a token that does not change
extern const AuthenticationStyle oauth2_client_credentials_authentication;  // RFC 6749, 4.4

// A parameter with its placeholders filled in; nullopt when it is not given or lacks a value.
Result<std::optional<std::string>> authentication_parameter(const AuthenticationSpec& spec,
                                                            std::string_view name,
                                                            const TemplateLookup& lookup);

std::string basic_credentials(std::string_view username, std::string_view password);  // base64, RFC 7617

}  // namespace cmms::provider
