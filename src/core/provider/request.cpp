// Requests: templates filled in, headers and query put together.
#include "core/provider/request.hpp"

#include <algorithm>

#include "core/exchange/ascii.hpp"
#include "core/provider/session.hpp"
#include "core/provider/template.hpp"

namespace cmms::provider {
namespace {

Error configuration_error(const Connection& connection, std::string message) {
  return Error{ErrorClass::configuration,
               "provider \"" + connection.provider_id + "\": " + std::move(message),
               {},
               {}};
}

Result<std::string> expand_path(const Connection& connection, const OperationSpec& operation,
                                const TemplateLookup& lookup) {
  Result<std::optional<std::string>> path = expand(operation.path, lookup, Escape::path);
  if (!path) return std::move(path).error();
  if (!path.value() || !path.value()->starts_with('/')) {
    return configuration_error(connection, "path \"" + operation.path + "\" lacks a value for a placeholder");
  }
  return std::move(*path.value());
}

// Several values of a parameter that the operation joins become one; in parentheses where a word stands
// between.
void add_parameter(const OperationSpec& operation, Parameter parameter, std::vector<Parameter>& query) {
  const auto same_name = [&](const Parameter& each) { return each.name == parameter.name; };
  const auto join = std::find_if(operation.join.begin(), operation.join.end(), same_name);
  if (join == operation.join.end()) return query.push_back(std::move(parameter));
  if (join->value.starts_with(' ')) parameter.value = "(" + parameter.value + ")";
  const auto earlier = std::find_if(query.begin(), query.end(), same_name);
  if (earlier == query.end()) return query.push_back(std::move(parameter));
  earlier->value += join->value + parameter.value;
}

Status expand_query(const OperationSpec& operation, const std::vector<Parameter>& parameters,
                    const TemplateLookup& lookup, std::vector<Parameter>& query) {
  for (const Parameter& parameter : parameters) {
    Result<std::optional<std::string>> name = expand(parameter.name, lookup, Escape::none);
    if (!name) return std::move(name).error();
    Result<std::optional<std::string>> value = expand(parameter.value, lookup, Escape::none);
    if (!value) return std::move(value).error();
    if (!name.value() || name.value()->empty() || !value.value()) continue;
    add_parameter(operation, {std::move(*name.value()), std::move(*value.value())}, query);
  }
  return Nothing{};
}

void append_query(const std::vector<Parameter>& query, std::string& url) {
  for (const Parameter& parameter : query) {
    url += url.find('?') == std::string::npos ? '?' : '&';
    url += percent_encode(parameter.name) + "=" + percent_encode(parameter.value);
  }
}

bool is_omitted(const OperationSpec& operation, std::string_view name) {
  return std::any_of(operation.omit_headers.begin(), operation.omit_headers.end(),
                     [&](const std::string& each) { return ascii::equal_ignore_case(each, name); });
}

Status append_headers(const std::vector<Parameter>& parameters, const OperationSpec& operation,
                      const TemplateLookup& lookup, std::vector<Header>& headers) {
  for (const Parameter& parameter : parameters) {
    if (is_omitted(operation, parameter.name)) continue;
    Result<std::optional<std::string>> name = expand(parameter.name, lookup, Escape::none);
    if (!name) return std::move(name).error();
    Result<std::optional<std::string>> value = expand(parameter.value, lookup, Escape::none);
    if (!value) return std::move(value).error();
    if (!name.value() || name.value()->empty() || !value.value()) continue;
    headers.push_back({std::move(*name.value()), std::move(*value.value())});
  }
  return Nothing{};
}

}  // namespace

Result<Request> make_request(const Connection& connection, const OperationSpec& operation,
                             const Variables& variables, const std::vector<Parameter>& query,
                             std::string body) {
  const TemplateLookup lookup = [&](std::string_view name) -> std::optional<Substitute> {
    if (const auto found = variables.find(name); found != variables.end())
      return Substitute{found->second, false};
    return connection.placeholder(name);
  };
  // Such an id would make the path another resource's: "/work_orders/..".
  if (const auto id = variables.find("source_id");
      id != variables.end() && (id->second == "." || id->second == "..")) {
    return configuration_error(connection, "the provider's id \"" + id->second + "\" cannot stand in a path");
  }
  Request request;
  Result<std::optional<std::string>> method = expand(operation.method, lookup, Escape::none);
  if (!method) return std::move(method).error();
  if (!method.value() || method.value()->empty())
    return configuration_error(connection, "an operation has no method");
  request.method = std::move(*method.value());
  Result<std::string> path = expand_path(connection, operation, lookup);
  if (!path) return std::move(path).error();
  std::string_view base = connection.option("base_url");
  while (base.ends_with('/')) base.remove_suffix(1);
  request.url = std::string(base) + path.value();
  std::vector<Parameter> parameters;
  for (const auto* each : {&operation.query, &query}) {
    if (Status status = expand_query(operation, *each, lookup, parameters); !status)
      return std::move(status).error();
  }
  append_query(parameters, request.url);

  if (connection.authentication && !is_omitted(operation, connection.authentication->name)) {
    request.wants_token = connection.session->token() != nullptr;
    if (!request.wants_token) request.headers.push_back(*connection.authentication);
  }
  for (const auto* headers : {&connection.descriptor->headers, &operation.headers}) {
    if (Status status = append_headers(*headers, operation, lookup, request.headers); !status) {
      return std::move(status).error();
    }
  }
  // Some servers take no notice of the query either when a request without a body has no type.
  if (!body.empty() || !operation.has_body) request.headers.push_back({"Content-Type", "application/json"});
  request.body = std::move(body);
  request.timeout = connection.timeout();
  request.connect_timeout = std::min(request.connect_timeout, request.timeout);
  request.ca_file = std::string(connection.option("ca_file"));
  request.idempotent = request.method != "POST";
  if (Status status = join_session(connection, operation, request); !status) return std::move(status).error();
  return request;
}

rate_limit::Observation read_limits(const Connection& connection, const Response& response, SystemTime now) {
  return rate_limit::read_limits(response, connection.descriptor->limits, now);
}

}  // namespace cmms::provider
