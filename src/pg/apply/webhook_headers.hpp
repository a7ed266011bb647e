// The HTTP headers of a delivery: a JSON object from the gateway, names in any case.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json/value.hpp"

namespace cmms::pg {

class WebhookHeaders {
 public:
  // Anything but an object has no headers. A list of values is one value, joined as HTTP joins repeated
  // headers.
  explicit WebhookHeaders(const json::Value& headers);

  std::optional<std::string_view> find(std::string_view name) const;  // in any case

  // An object with lower-case names; what may be a secret is masked.
  std::string masked_json(std::span<const std::string_view> secrets) const;

 private:
  std::vector<std::pair<std::string, std::string>> headers_;  // names in lower case, sorted, each once
};

}  // namespace cmms::pg
