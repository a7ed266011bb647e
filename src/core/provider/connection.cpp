// Connections: what is asked of them, and how one is put together.
#include "core/provider/connection.hpp"

#include <algorithm>
#include <array>

#include "core/exchange/ascii.hpp"
#include "core/provider/authentication.hpp"
#include "core/provider/overlay.hpp"
#include "core/provider/paging.hpp"
#include "core/provider/session.hpp"
#include "core/signature/signature.hpp"

namespace cmms::provider {
namespace {

constexpr std::string_view no_reference = "none";
constexpr std::string_view whole_poll = "whole";

Error configuration_error(const Connection& connection, std::string message) {
  return Error{ErrorClass::configuration,
               "provider \"" + connection.provider_id + "\": " + std::move(message),
               {},
               {}};
}

Status compile_reference(const Connection& connection, const ResourceSpec& spec, ResourceMaps& maps) {
  Result<std::string> field = expand_options(connection, spec.reference.field);
  if (!field) return std::move(field).error();
  if (field.value().empty() || field.value() == no_reference) return Nothing{};
  Result<path::Path> path = path::Path::parse(field.value());
  if (!path || !path.value().members_only()) {
    return configuration_error(connection, "reference field \"" + field.value() + "\" is no member name");
  }
  const auto separator = spec.reference.separators.find(field.value());
  ReferenceField reference{std::move(field).value(),
                           std::move(path).value(),
                           {},
                           separator == spec.reference.separators.end() ? "\n\n" : separator->second,
                           spec.reference.form == "mark" ? std::string() : spec.reference.form};
  if (Status status = compile_paths(connection, spec.reference.read, reference.read); !status) return status;
  if (reference.read.empty()) reference.read.push_back(reference.path);
  maps.reference = std::move(reference);
  return Nothing{};
}

// Whether a parameter would be sent by a request that knows its own variables.
bool has_value(const Connection& connection, const Parameter& parameter) {
  const TemplateLookup lookup = [&](std::string_view name) -> std::optional<Substitute> {
    const std::optional<Substitute> known = connection.placeholder(name);
    const bool is_option = find_option(connection.descriptor->options, name) != nullptr ||
                           find_option(connection.descriptor->credentials, name) != nullptr;
    return is_option ? known : Substitute{"x", false};
  };
  for (const std::string* text : {&parameter.name, &parameter.value}) {
    const Result<std::optional<std::string>> expanded = expand(*text, lookup, Escape::none);
    if (!expanded || !expanded.value() || expanded.value()->empty()) return false;
  }
  return true;
}

Status compile_list(const Connection& connection, const ResourceSpec& spec, ResourceMaps& maps) {
  if (!spec.list) return Nothing{};
  Result<std::string> style = expand_options(connection, spec.paging.style);
  if (!style) return std::move(style).error();
  maps.paging = find_paging_style(style.value());
  if (maps.paging == nullptr) {
    return configuration_error(connection, "unknown paging style \"" + style.value() + "\"");
  }
  Result<std::string> poll = expand_options(connection, spec.poll);
  if (!poll) return std::move(poll).error();
  if (!poll.value().empty() && !is_poll_style(poll.value())) {
    return configuration_error(connection, "a list cannot be polled \"" + poll.value() + "\"");
  }
  maps.polled_whole = poll.value() == whole_poll;
  if (spec.changed_since) {
    Result<std::string> parameter = expand_options(connection, spec.changed_since->parameter);
    if (!parameter) return std::move(parameter).error();
    maps.changed_since_parameter = std::move(parameter).value();
    const std::vector<Parameter>& query = spec.changed_since->query;
    maps.changed_since_sorted = !maps.changed_since_parameter.empty() &&
                                std::any_of(query.begin(), query.end(), [&](const Parameter& each) {
                                  return has_value(connection, each);
                                });
  }
  return Nothing{};
}

Status compile_lookup(const Connection& connection, const ResourceSpec& spec, ResourceMaps& maps) {
  if (!spec.lookup) return Nothing{};
  const LookupSpec& lookup = *spec.lookup;
  Result<std::string> enabled = expand_options(connection, lookup.enabled);
  if (!enabled) return std::move(enabled).error();
  if (enabled.value().empty() && !lookup.enabled.empty()) return Nothing{};
  for (const auto& [texts, paths] :
       {std::pair(&lookup.records, &maps.lookup.records), std::pair(&lookup.id, &maps.lookup.id),
        std::pair(&lookup.reference, &maps.lookup.reference)}) {
    if (Status status = compile_paths(connection, *texts, *paths); !status) return status;
  }
  if (!lookup.newest_first.empty()) {
    Result<path::Path> path = path::Path::parse(lookup.newest_first);
    if (!path) return configuration_error(connection, path.error().message);
    maps.lookup.newest_first = std::move(path).value();
  }
  if (maps.lookup.records.empty()) maps.lookup.records = maps.records;
  if (maps.lookup.id.empty()) maps.lookup.id = maps.id;
  const bool has_reference =
      maps.reference || !maps.mapped_reference.empty() || !maps.lookup.reference.empty();
  const std::vector<Parameter>& query = lookup.operation ? lookup.operation->query : lookup.query;
  const bool is_asked = std::any_of(query.begin(), query.end(),
                                    [&](const Parameter& each) { return has_value(connection, each); });
  maps.can_look_up = has_reference && (is_asked || maps.lookup.newest_first.has_value());
  return Nothing{};
}

Status compile_required(const Connection& connection, const ResourceSpec& spec, ResourceMaps& maps) {
  for (const mapping::RuleText& rule : spec.outbound) {
    if (rule.required) maps.required.push_back(rule.target);
  }
  for (const std::string& text : spec.required) {
    Result<std::string> expanded = expand_options(connection, text);
    if (!expanded) return std::move(expanded).error();
    std::string_view rest = expanded.value();
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (const std::string_view name = ascii::trim(rest.substr(0, comma)); !name.empty()) {
        maps.required.emplace_back(name);
      }
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return Nothing{};
}

Status compile_companion(const Connection& connection, const ResourceSpec& spec, ResourceMaps& maps) {
  if (!spec.companion) return Nothing{};
  Result<std::string> enabled = expand_options(connection, spec.companion->enabled);
  if (!enabled) return std::move(enabled).error();
  if (enabled.value().empty()) return Nothing{};
  Result<path::Path> record_id = path::Path::parse(spec.companion->record_id);
  if (!record_id) return configuration_error(connection, record_id.error().message);
  maps.companion =
      CompanionMaps{spec.companion->resource, spec.companion->target, std::move(record_id).value()};
  return Nothing{};
}

Status compile_quotas(const Connection& connection, const ResourceSpec& spec, ResourceMaps& maps) {
  std::vector<std::pair<std::string, const OperationSpec*>> operations;
  if (spec.create) operations.emplace_back("create", &*spec.create);
  if (spec.update) operations.emplace_back("update", &*spec.update);
  if (spec.remove) operations.emplace_back("delete", &*spec.remove);
  for (const WriteSpec& write : spec.updates) operations.emplace_back(write.name, &write.operation);
  for (const auto& [name, operation] : operations) {
    if (operation->quota.empty()) continue;
    Result<std::string> text = expand_options(connection, operation->quota);
    if (!text) return std::move(text).error();
    const auto limit = ascii::parse_digits(text.value());
    if (limit && *limit > 0) maps.quotas.push_back({name, *limit});
  }
  return Nothing{};
}

Status compile_check(const Connection& connection, const ResourceSpec& spec, ResourceMaps& maps) {
  if (!spec.update || spec.update->check.empty()) return Nothing{};
  Result<std::string> check = expand_options(connection, spec.update->check);
  if (!check) return std::move(check).error();
  maps.checks_updates = check.value() == "read" && spec.read;
  return Nothing{};
}

Status compile_status(const Connection& connection, const ResourceSpec& spec, ResourceMaps& maps) {
  if (spec.status_actions) {
    if (Status status = compile_paths(connection, spec.status_actions->status, maps.status); !status)
      return status;
  }
  if (!spec.update || spec.update->lock.empty()) return Nothing{};
  Result<std::string> lock = expand_options(connection, spec.update->lock);
  if (!lock) return std::move(lock).error();
  if (lock.value() == "etag" || lock.value() == "any") maps.lock = std::move(lock).value();
  return Nothing{};
}

// A default that names an option has its value; one whose option has none is no default. Where a rule has a
// condition, options stand in its transform too.
Result<bool> fill_in_rule(const Connection& connection, const ResourceSpec& spec, mapping::RuleText& rule) {
  if (const auto when = spec.outbound_when.find(rule.target); when != spec.outbound_when.end()) {
    Result<std::string> condition = expand_options(connection, when->second);
    if (!condition) return std::move(condition).error();
    if (condition.value().empty()) return false;
    Result<std::string> transform = expand_options(connection, rule.transform);
    if (!transform) return std::move(transform).error();
    rule.transform = std::move(transform).value();
  }
  if (!rule.default_value || rule.default_value->kind != json::Kind::string) return true;
  const Result<std::vector<std::string>> names = template_names(rule.default_value->text);
  if (!names || names.value().empty()) return true;
  Result<std::string> value = expand_options(connection, rule.default_value->text);
  if (!value) return std::move(value).error();
  if (value.value().empty()) {
    rule.default_value.reset();
  } else {
    rule.default_value = json::Field::string(std::move(value).value());
  }
  return !rule.sources.empty() || rule.default_value.has_value();
}

Result<ResourceSpec> with_options(const Connection& connection, const ResourceSpec& spec) {
  ResourceSpec filled = spec;
  filled.outbound.clear();
  for (mapping::RuleText rule : spec.outbound) {
    Result<bool> is_kept = fill_in_rule(connection, spec, rule);
    if (!is_kept) return std::move(is_kept).error();
    if (is_kept.value()) filled.outbound.push_back(std::move(rule));
  }
  return filled;
}

Status compile_resource(const Connection& connection, const ResourceSpec& spec, const ConnectionInput& input,
                        ResourceMaps& maps) {
  const Result<ResourceSpec> filled = with_options(connection, spec);
  if (!filled) return filled.error();
  if (Status status = overlay_rules(filled.value(), input.field_rows, input.environment, maps); !status)
    return status;
  if (Status status = compile_paths(connection, spec.records, maps.records); !status) return status;
  if (Status status = compile_paths(connection, spec.total, maps.total); !status) return status;
  if (Status status = compile_paths(connection, spec.record, maps.record); !status) return status;
  maps.id = maps.mapped_id;
  if (Status status = compile_paths(connection, spec.id, maps.id); !status) return status;
  if (Status status = compile_paths(connection, spec.updated_at, maps.updated_at); !status) return status;
  if (Status status = compile_paths(connection, spec.revision, maps.revision); !status) return status;
  for (const LearnSpec& learn : spec.learn) {
    LearnPaths paths;
    paths.vocabulary = learn.vocabulary;
    if (Status status = compile_paths(connection, learn.id, paths.id); !status) return status;
    if (Status status = compile_paths(connection, learn.name, paths.name); !status) return status;
    maps.learn.push_back(std::move(paths));
  }
  if (Status status = overlay_values(spec, input.value_rows, input.learnt_values, maps); !status)
    return status;
  if (Status status = compile_reference(connection, spec, maps); !status) return status;
  if (Status status = compile_required(connection, spec, maps); !status) return status;
  if (Status status = compile_check(connection, spec, maps); !status) return status;
  if (Status status = compile_status(connection, spec, maps); !status) return status;
  if (Status status = compile_quotas(connection, spec, maps); !status) return status;
  if (Status status = compile_bulk(connection, spec, input, maps.bulk); !status) return status;
  if (Status status = compile_companion(connection, spec, maps); !status) return status;
  if (Status status = compile_list(connection, spec, maps); !status) return status;
  return compile_lookup(connection, spec, maps);
}

Status compile_webhook(const std::optional<WebhookSpec>& spec, Connection& connection) {
  if (!spec) return Nothing{};
  if (Status status = compile_paths(connection, spec->event, connection.webhook.event); !status)
    return status;
  if (Status status = compile_paths(connection, spec->records, connection.webhook.records); !status)
    return status;
  if (Status status = compile_paths(connection, spec->delivery, connection.webhook.delivery); !status)
    return status;
  return compile_paths(connection, spec->occurred_at, connection.webhook.occurred_at);
}

Status begin_session(Connection& connection) {
  Result<std::optional<Authentication>> made = authenticate(
      *connection.descriptor, [&](std::string_view name) { return connection.placeholder(name); });
  if (!made) return configuration_error(connection, made.error().message);
  Authentication authentication = std::move(made).value().value_or(Authentication{});
  if (!authentication.derived_secret.empty()) {
    connection.derived_secrets.push_back(std::move(authentication.derived_secret));
  }
  if (!authentication.header.name.empty()) connection.authentication = std::move(authentication.header);
  connection.session = make_session(connection, std::move(authentication.token));
  return check_session(connection);
}

}  // namespace

Result<std::string> expand_options(const Connection& connection, const std::string& text) {
  Result<std::optional<std::string>> expanded = expand(
      text, [&](std::string_view name) { return connection.placeholder(name); }, Escape::none);
  if (!expanded) return std::move(expanded).error();
  return expanded.value().value_or(std::string());
}

Status compile_paths(const Connection& connection, const std::vector<std::string>& texts,
                     std::vector<path::Path>& paths) {
  for (const std::string& text : texts) {
    Result<std::string> expanded = expand_options(connection, text);
    if (!expanded) return std::move(expanded).error();
    if (expanded.value().empty()) continue;
    Result<path::Path> path = path::Path::parse(expanded.value());
    if (!path) return configuration_error(connection, path.error().message);
    paths.push_back(std::move(path).value());
  }
  return Nothing{};
}

std::string_view Connection::option(std::string_view name) const {
  const auto found = options.find(name);
  return found == options.end() ? std::string_view() : std::string_view(found->second);
}

std::int64_t Connection::integer_option(std::string_view name, std::int64_t fallback) const {
  return ascii::parse_digits(option(name)).value_or(fallback);
}

std::vector<std::string_view> Connection::secrets() const {
  std::vector<std::string_view> out;
  for (const auto& [name, value] : credentials) {
    if (!value.empty()) out.emplace_back(value);
  }
  for (std::string_view secret : webhook_secrets()) out.push_back(secret);
  for (const std::string& secret : derived_secrets) out.emplace_back(secret);
  for (const std::string& secret : session->secrets()) out.emplace_back(secret);
  return out;
}

const ResourceMaps* Connection::maps(std::string_view resource) const {
  const auto found = resources.find(resource);
  return found == resources.end() ? nullptr : &found->second;
}

int Connection::max_concurrency() const { return static_cast<int>(integer_option("max_concurrency", 16)); }

rate_limit::RateLimit::Policy Connection::rate() const {
  return {.requests_per_second = static_cast<double>(integer_option("requests_per_minute", 0)) / 60,
          .burst = static_cast<double>(integer_option("burst", 1))};
}

std::chrono::milliseconds Connection::timeout() const {
  return std::chrono::milliseconds(integer_option("timeout_ms", 30'000));
}

std::chrono::seconds Connection::lookup_grace() const {
  return std::chrono::seconds(integer_option("lookup_grace", 5));
}

std::string_view Connection::webhook_scheme() const {
  const std::string_view scheme = option("webhook_scheme");
  if (!scheme.empty()) return scheme;
  if (webhook_secrets().empty()) return "none";
  const bool has_own = descriptor->webhook && !descriptor->webhook->signature.empty();
  return has_own ? std::string_view(descriptor->webhook->signature) : "standard_webhooks";
}

std::chrono::seconds Connection::webhook_tolerance() const {
  return std::chrono::seconds(integer_option("webhook_tolerance", 300));
}

std::vector<std::string_view> Connection::webhook_secrets() const {
  const auto found = credentials.find("webhook_secret");
  return found == credentials.end() ? std::vector<std::string_view>()
                                    : signature::split_secrets(found->second);
}

Status Connection::check_webhook_secrets() const {
  const std::vector<std::string_view> secrets = webhook_secrets();
  const std::string_view scheme = webhook_scheme();
  if (secrets.empty() && scheme != "none") {
    return Error{ErrorClass::configuration,
                 "webhook scheme \"" + std::string(scheme) + "\" has no webhook_secret",
                 {},
                 "Give the user mapping the option webhook_secret or webhook_secret_file."};
  }
  for (const std::string_view secret : secrets) {
    if (Status status = signature::check_secret(scheme, secret); !status) return status;
  }
  return Nothing{};
}

bool Connection::can_poll(std::string_view resource) const {
  const ResourceMaps* found = maps(resource);
  return found != nullptr && (found->polled_whole || !found->changed_since_parameter.empty());
}

bool Connection::can_look_up(std::string_view resource) const {
  const ResourceMaps* found = maps(resource);
  return found != nullptr && found->can_look_up;
}

bool Connection::can_read(std::string_view resource) const {
  const ResourceSpec* spec = descriptor->resource(resource);
  return spec != nullptr && spec->read.has_value();
}

std::chrono::seconds Connection::reread_interval() const {
  return std::chrono::seconds(integer_option("reread_interval", 0));
}

std::optional<Substitute> Connection::placeholder(std::string_view name) const {
  if (const auto found = options.find(name); found != options.end()) {
    const OptionSpec* spec = find_option(descriptor->options, name);
    const bool is_template =
        spec != nullptr && (spec->format == ValueFormat::path || spec->format == ValueFormat::template_text);
    return Substitute{found->second, is_template};
  }
  if (const auto found = credentials.find(name); found != credentials.end()) {
    return Substitute{found->second, false};
  }
  return std::nullopt;
}

Result<std::shared_ptr<const Connection>> make_connection(ConnectionInput input) {
  auto connection = std::make_shared<Connection>();
  connection->provider_id = std::move(input.provider_id);
  connection->tenant_id = std::move(input.tenant_id);
  connection->descriptor = std::move(input.descriptor);
  connection->map_version = input.map_version;
  const Descriptor& descriptor = *connection->descriptor;
  if (Status status = validate_options(descriptor, input.options); !status) return std::move(status).error();
  if (Status status = validate_credentials(descriptor, input.credentials, false); !status) {
    return std::move(status).error();
  }
  connection->options = std::move(input.options);
  connection->credentials = std::move(input.credentials);
  for (const OptionSpec& spec : descriptor.options) {
    if (spec.default_value) connection->options.try_emplace(spec.name, *spec.default_value);
  }
  if (connection->option("base_url").empty())
    return configuration_error(*connection, "option \"base_url\" is empty");
  for (const auto& [name, spec] : descriptor.resources) {
    ResourceMaps maps;
    if (Status status = compile_resource(*connection, spec, input, maps); !status)
      return std::move(status).error();
    connection->resources.emplace(name, std::move(maps));
  }
  if (Status status = compile_webhook(descriptor.webhook, *connection); !status)
    return std::move(status).error();
  if (Status status = begin_session(*connection); !status) return std::move(status).error();
  return std::shared_ptr<const Connection>(std::move(connection));
}

namespace {

// A companion whose resource goes without it is never written.
bool is_idle_companion(const Connection& connection, std::string_view resource) {
  bool is_companion = false;
  for (const auto& [name, spec] : connection.descriptor->resources) {
    if (!spec.companion || spec.companion->resource != resource) continue;
    const ResourceMaps* maps = connection.maps(name);
    if (maps != nullptr && maps->companion) return false;
    is_companion = true;
  }
  return is_companion;
}

}  // namespace

bool is_poll_style(std::string_view text) { return text == whole_poll || text == "changed"; }

std::vector<std::string> unmapped_required(const Connection& connection, std::string_view resource) {
  std::vector<std::string> missing;
  const ResourceMaps* maps = connection.maps(resource);
  if (maps == nullptr || is_idle_companion(connection, resource)) return missing;
  const std::vector<mapping::Rule>& rules = maps->outbound.rules();
  for (const std::string& target : maps->required) {
    const bool mapped =
        std::any_of(rules.begin(), rules.end(), [&](const auto& rule) { return rule.target == target; });
    const bool seen = std::find(missing.begin(), missing.end(), target) != missing.end();
    if (!mapped && !seen) missing.push_back(target);
  }
  return missing;
}

}  // namespace cmms::provider
