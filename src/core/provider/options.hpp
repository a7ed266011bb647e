// Options and credentials of a connection: what a provider type takes, and the check of what a DBA wrote.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace cmms::provider {

using Options = std::map<std::string, std::string, std::less<>>;

enum class ValueFormat : std::uint8_t {
  text,
  url,            // http or https, without credentials, query or fragment
  path,           // "/work_orders": starts with a slash; may hold placeholders
  template_text,  // written 'template': text that may hold placeholders
  integer,
  boolean,
  json_path,
  name,  // of a header or a query parameter
};

std::string_view value_format_name(ValueFormat format);
std::optional<ValueFormat> parse_value_format(std::string_view name);

struct OptionSpec {
  std::string name;
  std::string description;
  ValueFormat format = ValueFormat::text;
  std::vector<std::string> values;  // the only ones allowed; empty: any of the format
  std::optional<std::string> default_value;
  std::optional<std::int64_t> minimum;  // of an integer
  std::optional<std::int64_t> maximum;
  bool required = false;
};

// What every provider type has: tenant, base_url, ca_file, timeout_ms, ... and the credential webhook_secret.
const std::vector<OptionSpec>& common_options();
const std::vector<OptionSpec>& common_credentials();

const OptionSpec* find_option(const std::vector<OptionSpec>& specs, std::string_view name);

// Whether `value` is one that the option takes. Never repeats the value of a credential.
Status check_option_value(const OptionSpec& spec, std::string_view value, bool secret);

}  // namespace cmms::provider
