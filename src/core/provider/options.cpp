// The checks of option values, and the options that every provider type has.
#include "core/provider/options.hpp"

#include <algorithm>
#include <array>

#include "core/exchange/ascii.hpp"
#include "core/path/path.hpp"
#include "core/provider/template.hpp"
#include "core/signature/signature.hpp"

namespace cmms::provider {
namespace {

struct FormatName {
  ValueFormat format;
  std::string_view name;
};

constexpr std::array<FormatName, 8> format_names{{
    {ValueFormat::text, "text"},
    {ValueFormat::url, "url"},
    {ValueFormat::path, "path"},
    {ValueFormat::template_text, "template"},
    {ValueFormat::integer, "integer"},
    {ValueFormat::boolean, "boolean"},
    {ValueFormat::json_path, "json_path"},
    {ValueFormat::name, "name"},
}};

constexpr std::size_t max_value_bytes = 8192;

OptionSpec text_option(std::string name, std::string description) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.description = std::move(description);
  return spec;
}

OptionSpec integer_option(std::string name, std::string default_value, std::int64_t minimum,
                          std::int64_t maximum, std::string description) {
  OptionSpec spec = text_option(std::move(name), std::move(description));
  spec.format = ValueFormat::integer;
  spec.default_value = std::move(default_value);
  spec.minimum = minimum;
  spec.maximum = maximum;
  return spec;
}

std::vector<OptionSpec> make_common_options() {
  std::vector<OptionSpec> specs;
  specs.push_back(text_option("tenant", "The tenant that this provider's records belong to."));
  OptionSpec base_url = text_option("base_url", "Where the provider's API starts; paths are appended to it.");
  base_url.format = ValueFormat::url;
  base_url.required = true;
  specs.push_back(std::move(base_url));
  specs.push_back(
      text_option("ca_file", "A file of certificate authorities to trust instead of the system's."));
  specs.push_back(
      integer_option("max_concurrency", "16", 1, 1000, "Requests in flight to this provider at once."));
  specs.push_back(integer_option("requests_per_minute", "0", 0, 6000000,
                                 "Requests to this account that leave in a minute at most; 0: no limit of "
                                 "ours, what the provider announces counts in any case."));
  specs.push_back(integer_option("burst", "1", 1, 100000,
                                 "Requests that may leave at once after a pause, with requests_per_minute."));
  specs.push_back(integer_option("timeout_ms", "30000", 100, 600000, "How long one request may take."));
  specs.push_back(
      integer_option("lookup_grace", "5", 0, 86400,
                     "Seconds after an unknown outcome before a missing record is believed missing."));
  specs.push_back(integer_option("poll_overlap", "2", 0, 86400,
                                 "Seconds that a poll starts before its cursor, against equal time stamps."));
  specs.push_back(integer_option("reread_interval", "0", 0, 2678400,
                                 "Seconds after which all orders that are not final are read again, for "
                                 "providers whose change time does not tell of each change; 0: never."));
  OptionSpec scheme = text_option(
      "webhook_scheme",
      "How webhooks are signed; by default as the provider type says, once there is a webhook_secret.");
  for (std::string_view name : signature::scheme_names()) scheme.values.emplace_back(name);
  specs.push_back(std::move(scheme));
  specs.push_back(integer_option("webhook_tolerance", "300", 1, 86400,
                                 "Seconds that a webhook's time stamp may lie from our clock."));
  return specs;
}

bool has_control(std::string_view value) {
  return std::any_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

bool is_header_or_parameter_name(std::string_view value) {
  static constexpr std::string_view others = "!#$%&'*+-.^_`|~[]";
  return std::all_of(value.begin(), value.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || others.find(c) != std::string_view::npos;
  });
}

// Only what may stand in a URL without being encoded; braces are those of placeholders.
bool is_url_text(std::string_view value) {
  static constexpr std::string_view others = "-._~:/@!$&'()*+,;=%{}[]";
  return std::all_of(value.begin(), value.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || others.find(c) != std::string_view::npos;
  });
}

std::string url_fault(std::string_view value) {
  std::string_view rest = value;
  const auto scheme_end = rest.find("://");
  const std::string_view scheme = scheme_end == std::string_view::npos ? "" : rest.substr(0, scheme_end);
  if (!ascii::equal_ignore_case(scheme, "http") && !ascii::equal_ignore_case(scheme, "https")) {
    return "must start with http:// or https://";
  }
  rest.remove_prefix(scheme_end + 3);
  if (rest.find('?') != std::string_view::npos) return "must not have a query";
  if (rest.find('#') != std::string_view::npos) return "must not have a fragment";
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.find('@') != std::string_view::npos) return "must not hold credentials";
  const std::size_t port = authority.rfind(':');
  const bool bracketed = !authority.empty() && authority.front() == '[';
  const std::string_view host = port == std::string_view::npos || (bracketed && authority.back() == ']')
                                    ? authority
                                    : authority.substr(0, port);
  if (host.empty()) return "has no host";
  if (host.size() != authority.size()) {
    const auto number = ascii::parse_digits(authority.substr(port + 1));
    if (!number || *number < 1 || *number > 65535) return "has an invalid port";
  }
  if (!is_url_text(rest) || rest.find_first_of("{}") != std::string_view::npos) {
    return "has characters that a URL cannot hold";
  }
  return {};
}

std::string path_fault(std::string_view value) {
  if (value.front() != '/' && value.front() != '{') return "must start with a slash";
  if (!template_names(value).ok()) return "has unmatched braces";
  std::string literal(value);
  // The question mark of an optional placeholder is none of the path's.
  for (auto mark = literal.find("?}"); mark != std::string::npos; mark = literal.find("?}"))
    literal.erase(mark, 1);
  return is_url_text(literal) ? "" : "has characters that a path cannot hold";
}

std::string integer_fault(const OptionSpec& spec, std::string_view value) {
  const auto number = ascii::parse_digits(value);
  if (!number) return "must be a whole number";
  if (spec.minimum && *number < *spec.minimum) return "must be at least " + std::to_string(*spec.minimum);
  if (spec.maximum && *number > *spec.maximum) return "must be at most " + std::to_string(*spec.maximum);
  return {};
}

std::string format_fault(const OptionSpec& spec, std::string_view value) {
  switch (spec.format) {
    case ValueFormat::text:
      return {};
    case ValueFormat::url:
      return url_fault(value);
    case ValueFormat::path:
      return path_fault(value);
    case ValueFormat::template_text:
      return template_names(value).ok() ? "" : "has unmatched braces";
    case ValueFormat::integer:
      return integer_fault(spec, value);
    case ValueFormat::boolean:
      return value == "true" || value == "false" ? "" : "must be true or false";
    case ValueFormat::json_path: {
      const Result<path::Path> path = path::Path::parse(value);
      return path ? "" : "is no path: " + path.error().message;
    }
    case ValueFormat::name:
      return is_header_or_parameter_name(value) ? "" : "has characters that such a name cannot hold";
  }
  return {};
}

}  // namespace

std::string_view value_format_name(ValueFormat format) {
  for (const FormatName& entry : format_names) {
    if (entry.format == format) return entry.name;
  }
  return "text";
}

std::optional<ValueFormat> parse_value_format(std::string_view name) {
  for (const FormatName& entry : format_names) {
    if (entry.name == name) return entry.format;
  }
  return std::nullopt;
}

const std::vector<OptionSpec>& common_options() {
  static const std::vector<OptionSpec> specs = make_common_options();
  return specs;
}

const std::vector<OptionSpec>& common_credentials() {
  static const std::vector<OptionSpec> specs = {text_option(
      "webhook_secret", "Verifies signed webhooks; several, separated by blanks, while they are rotated.")};
  return specs;
}

const OptionSpec* find_option(const std::vector<OptionSpec>& specs, std::string_view name) {
  const auto found =
      std::find_if(specs.begin(), specs.end(), [&](const auto& spec) { return spec.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

Status check_option_value(const OptionSpec& spec, std::string_view value, bool secret) {
  std::string fault;
  std::string hint;
  if (value.size() > max_value_bytes) {
    fault = "is longer than " + std::to_string(max_value_bytes) + " bytes";
  } else if (has_control(value)) {
    fault = "has a line break or another control character";
  } else if (value.empty()) {
    // An empty value stands for "none" where nothing is required.
    if (!spec.required && spec.format != ValueFormat::url) return Nothing{};
    fault = "must not be empty";
  } else if (!spec.values.empty() &&
             std::find(spec.values.begin(), spec.values.end(), value) == spec.values.end()) {
    fault = "is not one of the allowed values";
    hint = "Allowed values:";
    for (const std::string& allowed : spec.values) hint += (hint.back() == ':' ? " " : ", ") + allowed;
    hint += ".";
  } else {
    fault = format_fault(spec, value);
  }
  if (fault.empty()) return Nothing{};
  Error error;
  error.error_class = ErrorClass::configuration;
  error.message = std::string(secret ? "credential" : "option") + " \"" + spec.name + "\" " + fault;
  const bool may_hold_password = value.find('@') != std::string_view::npos;
  if (!secret && !may_hold_password)
    error.detail = "The value is \"" + std::string(value.substr(0, 200)) + "\".";
  error.hint = hint.empty() ? spec.description : hint;
  return error;
}

}  // namespace cmms::provider
