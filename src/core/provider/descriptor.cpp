// Descriptors: the top level of the document, and the validation of options and credentials against it.
#include "core/provider/descriptor.hpp"

#include <algorithm>
#include <iterator>

#include "core/json/jansson.hpp"
#include "core/provider/descriptor_reader.hpp"

namespace cmms::provider {
namespace {

void read_option(DescriptorReader& reader, std::vector<OptionSpec>& specs, std::string_view name,
                 const json::Value& value, const std::string& at) {
  // A descriptor may restate a common option to give it a default or to require it.
  auto existing =
      std::find_if(specs.begin(), specs.end(), [&](const auto& spec) { return spec.name == name; });
  if (existing == specs.end()) {
    specs.emplace_back();
    existing = std::prev(specs.end());
    existing->name = std::string(name);
  }
  Members members(reader, value, at);
  if (std::string text = members.text("description"); !text.empty()) existing->description = std::move(text);
  if (const std::string format = members.text("format"); !format.empty()) {
    if (const auto known = parse_value_format(format)) {
      existing->format = *known;
    } else {
      reader.fail(members.at("format"), "unknown format \"" + format + "\"");
    }
  }
  if (std::vector<std::string> values = members.texts("values"); !values.empty()) {
    existing->values = std::move(values);
  }
  if (const auto minimum = members.integer("minimum")) existing->minimum = minimum;
  if (const auto maximum = members.integer("maximum")) existing->maximum = maximum;
  existing->required = members.boolean("required", existing->required);
  if (const auto fallback = members.take("default")) {
    if (fallback->is_string()) {
      existing->default_value = std::string(fallback->string());
      existing->required = false;
    } else {
      reader.fail(members.at("default"), "must be a string");
    }
  }
  members.finish();
  if (existing->default_value) {
    if (const Status status = check_option_value(*existing, *existing->default_value, false); !status) {
      reader.fail(members.at("default"), status.error().message);
    }
  }
}

void read_options(DescriptorReader& reader, Members& root, std::string_view name,
                  std::vector<OptionSpec>& specs) {
  const std::optional<json::Value> object = root.take_object(name);
  if (!object) return;
  object->each_member([&](std::string_view option, const json::Value& value) {
    const std::string at = member_path(root.at(name), option);
    if (option == "type" || (name == "credentials" && option.ends_with("_file"))) {
      reader.fail(at, "this name is reserved");
    }
    read_option(reader, specs, option, value, at);
    return !reader.failed();
  });
}

// A named strategy with its parameters: AuthenticationSpec, SessionSpec.
template <class Spec>
Spec read_style(DescriptorReader& reader, const json::Value& value, const std::string& at) {
  Spec spec;
  if (!value.is_object()) reader.fail(at, "must be an object");
  value.each_member([&](std::string_view name, const json::Value& member) {
    if (!member.is_string()) {
      reader.fail(member_path(at, name), "must be a string");
    } else if (name == "style") {
      spec.style = std::string(member.string());
    } else if (name != "note") {
      spec.parameters.emplace(name, member.string());
    }
    return true;
  });
  return spec;
}

void read_authentication(DescriptorReader& reader, Members& root, Descriptor& descriptor) {
  const std::optional<json::Value> value = root.take("authentication");
  if (!value) return;
  if (!value->is_array()) reader.fail(root.at("authentication"), "must be an array");
  for (std::size_t i = 0; i < value->size() && value->is_array(); ++i) {
    const std::string at = root.at("authentication") + "[" + std::to_string(i) + "]";
    descriptor.authentication.push_back(read_style<AuthenticationSpec>(reader, *value->element(i), at));
  }
}

void read_limits(DescriptorReader& reader, Members& root, Descriptor& descriptor) {
  const std::optional<json::Value> value = root.take_object("limits");
  if (!value) return;
  Members members(reader, *value, root.at("limits"));
  descriptor.limits.limit = members.text("limit");
  descriptor.limits.remaining = members.text("remaining");
  descriptor.limits.reset = members.text("reset");
  if (const std::string format = members.text("reset_format"); !format.empty()) {
    if (const auto known = rate_limit::parse_reset_format(format)) {
      descriptor.limits.reset_format = *known;
    } else {
      reader.fail(members.at("reset_format"), "unknown format \"" + format + "\"");
    }
  }
  members.finish();
}

// "equals", "contains" and "starts_with": one of them at most.
void read_match(DescriptorReader& reader, Members& members, ErrorRule& rule) {
  using Match = ErrorRule::Match;
  for (const auto& [name, match] :
       {std::pair("equals", Match::equals), std::pair("contains", Match::contains),
        std::pair("starts_with", Match::starts_with)}) {
    std::vector<std::string> texts = members.texts(name);
    if (texts.empty()) continue;
    if (rule.match != Match::any) reader.fail(members.at(name), "stands beside another way to match");
    if (std::any_of(texts.begin(), texts.end(), [](const std::string& text) { return text.empty(); })) {
      reader.fail(members.at(name), "must not be empty");
    }
    rule.match = match;
    rule.texts = std::move(texts);
  }
  if (rule.match == Match::any && !rule.paths.empty()) {
    reader.fail(members.at(), "has a path and no text to look for");
  }
}

ErrorRule read_error_rule(DescriptorReader& reader, const json::Value& value, const std::string& at) {
  Members members(reader, value, at);
  ErrorRule rule;
  for (const std::int64_t status : members.integers("status")) {
    if (status < 200 || status > 599) reader.fail(members.at("status"), "must be 200 to 599");
    rule.statuses.push_back(static_cast<int>(status));
  }
  rule.paths = members.paths("path");
  read_match(reader, members, rule);
  if (const std::string name = members.text("class"); !name.empty()) {
    rule.error_class = parse_error_class(name);
    if (!rule.error_class) reader.fail(members.at("class"), "unknown error class \"" + name + "\"");
  }
  if (const std::string name = members.text("disposition"); !name.empty()) {
    rule.disposition = parse_disposition(name);
    if (!rule.disposition) reader.fail(members.at("disposition"), "must be retry, rejected or in_doubt");
  }
  if (members.has("provider_wide")) rule.provider_wide = members.boolean("provider_wide");
  rule.hint = members.text("hint");
  members.finish();
  if (rule.statuses.empty() && rule.match == ErrorRule::Match::any) {
    reader.fail(members.at(), "needs a status or a text to look for");
  }
  return rule;
}

void read_error_rules(DescriptorReader& reader, Members& errors, Descriptor& descriptor) {
  const std::optional<json::Value> value = errors.take("rules");
  if (!value) return;
  if (!value->is_array()) reader.fail(errors.at("rules"), "must be an array");
  for (std::size_t i = 0; i < value->size() && value->is_array(); ++i) {
    const std::string at = errors.at("rules") + "[" + std::to_string(i) + "]";
    descriptor.errors.rules.push_back(read_error_rule(reader, *value->element(i), at));
  }
}

void read_errors(DescriptorReader& reader, Members& root, Descriptor& descriptor) {
  const std::optional<json::Value> value = root.take_object("errors");
  if (!value) return;
  Members members(reader, *value, root.at("errors"));
  descriptor.errors.message = members.paths("message");
  descriptor.errors.fields = members.paths("fields");
  read_error_rules(reader, members, descriptor);
  if (const auto inside = members.take_object("failed_when")) {
    Members failed(reader, *inside, members.at("failed_when"));
    FailureInside failure;
    std::vector<path::Path> paths = failed.paths("path");
    if (paths.size() == 1) {
      failure.path = std::move(paths.front());
    } else {
      reader.fail(failed.at(), "needs one \"path\"");
    }
    failure.values = failed.texts("values");
    failed.finish();
    descriptor.failed_when = std::move(failure);
  }
  members.finish();
}

void read_probe(DescriptorReader& reader, Members& root, Descriptor& descriptor) {
  const std::optional<json::Value> value = root.take("probe");
  if (!value) return;
  if (!value->is_array()) reader.fail(root.at("probe"), "must be an array");
  for (std::size_t i = 0; i < value->size() && value->is_array(); ++i) {
    Members members(reader, *value->element(i), root.at("probe") + "[" + std::to_string(i) + "]");
    ProbeSpec probe;
    probe.permission = members.text("permission", true);
    probe.operation = read_operation(members);
    members.finish();
    descriptor.probe.push_back(std::move(probe));
  }
}

void read_resources(DescriptorReader& reader, Members& root, Descriptor& descriptor) {
  const std::optional<json::Value> resources = root.take_object("resources");
  if (!resources) {
    reader.fail("$", "member \"resources\" is missing");
    return;
  }
  resources->each_member([&](std::string_view name, const json::Value& value) {
    descriptor.resources.emplace(name,
                                 read_resource(reader, name, value, member_path(root.at("resources"), name)));
    return !reader.failed();
  });
}

std::string valid_names_hint(const std::vector<OptionSpec>& specs, bool files) {
  std::vector<std::string> names;
  for (const OptionSpec& spec : specs) {
    names.push_back(spec.name);
    if (files) names.push_back(spec.name + "_file");
  }
  std::sort(names.begin(), names.end());
  std::string hint = "Valid options:";
  for (const std::string& name : names) hint += (hint.back() == ':' ? " " : ", ") + name;
  return hint + ".";
}

Error option_error(std::string message, std::string hint) {
  return Error{ErrorClass::configuration, std::move(message), {}, std::move(hint)};
}

std::string_view without_file_suffix(std::string_view name) {
  if (name.ends_with("_file")) name.remove_suffix(5);
  return name;
}

}  // namespace

const ResourceSpec* Descriptor::resource(std::string_view resource_name) const {
  const auto found = resources.find(resource_name);
  return found == resources.end() ? nullptr : &found->second;
}

Result<Descriptor> parse_descriptor(std::string_view json) {
  json::Limits limits;
  limits.max_bytes = max_descriptor_bytes;
  limits.max_depth = max_descriptor_depth;
  Result<json::Document> document = json::Document::parse(json, limits);
  if (!document) {
    Error error = std::move(document).error();
    error.error_class = ErrorClass::configuration;
    error.message = "invalid descriptor: " + error.message;
    return error;
  }
  DescriptorReader reader;
  Descriptor descriptor;
  descriptor.options = common_options();
  descriptor.credentials = common_credentials();
  Members root(reader, document.value().root(), "$");
  descriptor.type = root.text("type", true);
  descriptor.name = root.text("name", true);
  descriptor.documentation = root.text("documentation");
  read_options(reader, root, "options", descriptor.options);
  read_options(reader, root, "credentials", descriptor.credentials);
  read_authentication(reader, root, descriptor);
  if (const auto session = root.take("session")) {
    descriptor.session = read_style<SessionSpec>(reader, *session, root.at("session"));
  }
  descriptor.headers = root.parameters("headers");
  read_limits(reader, root, descriptor);
  read_errors(reader, root, descriptor);
  read_probe(reader, root, descriptor);
  read_resources(reader, root, descriptor);
  if (const auto webhook = root.take_object("webhook")) {
    descriptor.webhook = read_webhook_spec(reader, *webhook, root.at("webhook"));
  }
  root.finish();
  if (!reader.failed()) check_templates(reader, descriptor);
  if (reader.failed()) return reader.take_error();
  return descriptor;
}

Status validate_options(const Descriptor& descriptor, const Options& options) {
  for (const auto& [name, value] : options) {
    if (name == "type") continue;
    const OptionSpec* spec = find_option(descriptor.options, name);
    if (spec == nullptr) {
      const bool secret = find_option(descriptor.credentials, without_file_suffix(name)) != nullptr;
      return option_error("invalid option \"" + name + "\" for provider type \"" + descriptor.type + "\"",
                          secret ? "\"" + name + "\" is a credential: put it into CREATE USER MAPPING."
                                 : valid_names_hint(descriptor.options, false));
    }
    if (Status status = check_option_value(*spec, value, false); !status) return status;
  }
  for (const OptionSpec& spec : descriptor.options) {
    if (spec.required && !options.contains(spec.name)) {
      return option_error(
          "option \"" + spec.name + "\" is required for provider type \"" + descriptor.type + "\"",
          spec.description);
    }
  }
  return Nothing{};
}

Status validate_credentials(const Descriptor& descriptor, const Options& credentials, bool complete) {
  for (const auto& [name, value] : credentials) {
    const OptionSpec* spec = find_option(descriptor.credentials, name);
    const bool is_file = spec == nullptr && name.ends_with("_file");
    const std::string_view credential = is_file ? without_file_suffix(name) : std::string_view(name);
    if (is_file) spec = find_option(descriptor.credentials, credential);
    if (spec == nullptr) {
      return option_error(
          "invalid option \"" + name + "\" for user mappings of provider type \"" + descriptor.type + "\"",
          valid_names_hint(descriptor.credentials, true));
    }
    if (is_file) {
      if (value.empty())
        return option_error("option \"" + name + "\" must not be empty", "Give a file's path.");
      if (credentials.find(credential) != credentials.end()) {
        return option_error(
            "options \"" + std::string(credential) + "\" and \"" + name + "\" exclude each other",
            "Keep one of them.");
      }
      continue;
    }
    if (Status status = check_option_value(*spec, value, true); !status) return status;
  }
  if (!complete) return Nothing{};
  for (const OptionSpec& spec : descriptor.credentials) {
    if (spec.required && !credentials.contains(spec.name) && !credentials.contains(spec.name + "_file")) {
      return option_error(
          "credential \"" + spec.name + "\" is required for provider type \"" + descriptor.type + "\"",
          "Give " + spec.name + " or " + spec.name + "_file in CREATE USER MAPPING.");
    }
  }
  return Nothing{};
}

}  // namespace cmms::provider
