// A descriptor for the human reader: what it takes, what can be done with each of its resources, and how.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/provider/descriptor.hpp"

namespace cmms::provider {

struct DescriptionRow {
  std::string_view kind;  // 'option', 'credential', 'authentication', 'session', 'resource', 'action',
                          // 'parameter', 'field', 'alias', 'signature', 'event'
  std::string resource;   // empty: of the provider as a whole
  std::string name;
  std::optional<bool> required = {};
  std::optional<std::string> default_value = {};
  std::string allowed = {};
  std::string description = {};
};

// In the order in which one reads: how to connect, then each resource, then webhooks.
std::vector<DescriptionRow> describe(const Descriptor& descriptor);

}  // namespace cmms::provider
