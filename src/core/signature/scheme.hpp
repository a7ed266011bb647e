// What a signature scheme provides. To add one: a file in schemes/, its declaration here and a line in the
// table of signature.cpp.
#pragma once

#include <span>
#include <string_view>

#include "core/signature/signature.hpp"

namespace cmms::signature {

struct Scheme {
  std::string_view name;
  Result<Verified> (*verify)(std::span<const std::string_view> secrets, const Message& message,
                             const Settings& settings);
  Status (*check_secret)(std::string_view secret);
};

extern const Scheme none_scheme;
extern const Scheme standard_webhooks_scheme;
extern const Scheme path_secret_scheme;

}  // namespace cmms::signature
