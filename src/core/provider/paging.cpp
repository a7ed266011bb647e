// The table of paging styles.
#include "core/provider/paging.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "core/exchange/ascii.hpp"
#include "core/provider/paging/styles.hpp"

namespace cmms::provider {
namespace {

constexpr std::array<const PagingStyle*, 6> styles{&none_paging,   &page_paging,      &offset_paging,
                                                   &cursor_paging, &next_link_paging, &skip_token_paging};

}  // namespace

const PagingStyle* find_paging_style(std::string_view name) {
  for (const PagingStyle* style : styles) {
    if (style->name == name) return style;
  }
  return nullptr;
}

std::vector<std::string_view> paging_style_names() {
  std::vector<std::string_view> names;
  names.reserve(styles.size());
  for (const PagingStyle* style : styles) names.push_back(style->name);
  return names;
}

Result<std::string> paging_parameter(const PagingSpec& spec, const Connection& connection,
                                     std::string_view name) {
  const auto found = spec.parameters.find(name);
  if (found == spec.parameters.end()) return std::string();
  Result<std::optional<std::string>> value = expand(
      found->second, [&](std::string_view each) { return connection.placeholder(each); }, Escape::none);
  if (!value) return std::move(value).error();
  return value.value().value_or(std::string());
}

Result<std::int64_t> paging_number(const PagingSpec& spec, const Connection& connection,
                                   std::string_view name, std::int64_t fallback) {
  Result<std::string> text = paging_parameter(spec, connection, name);
  if (!text) return std::move(text).error();
  return ascii::parse_digits(text.value()).value_or(fallback);
}

Result<path::Path> paging_path(const PagingSpec& spec, const Connection& connection, std::string_view name) {
  Result<std::string> text = paging_parameter(spec, connection, name);
  if (!text) return std::move(text).error();
  return path::Path::parse(text.value());
}

Result<PageSize> paging_size(const PagingSpec& spec, const Connection& connection) {
  Result<std::string> parameter = paging_parameter(spec, connection, "size");
  if (!parameter) return std::move(parameter).error();
  Result<std::int64_t> records = paging_number(spec, connection, "page_size", 0);
  if (!records) return std::move(records).error();
  return PageSize{std::move(parameter).value(), records.value()};
}

void PageSize::append_to(std::vector<Parameter>& query) const {
  if (!parameter.empty() && records > 0) query.push_back({parameter, std::to_string(records)});
}

std::vector<Parameter> page_query(const Pager& pager, std::vector<Parameter> query) {
  std::vector<Parameter> parameters = pager.parameters();
  if (pager.is_whole_query()) return parameters;
  std::move(parameters.begin(), parameters.end(), std::back_inserter(query));
  return query;
}

Error broken_paging_error(const Connection& connection, std::string_view resource) {
  return Error{ErrorClass::provider_unavailable,
               "provider \"" + connection.provider_id + "\" does not say how to get the next page of its " +
                   std::string(resource) + "s",
               "What it answers as the next page has no query, or is the page that was read.",
               "Check the paging of the provider type's list."};
}

Result<std::unique_ptr<Pager>> make_pager(const Connection& connection, const PagingSpec& spec) {
  Result<std::optional<std::string>> name = expand(
      spec.style, [&](std::string_view each) { return connection.placeholder(each); }, Escape::none);
  if (!name) return std::move(name).error();
  const PagingStyle* style = find_paging_style(name.value().value_or("none"));
  if (style != nullptr) return style->make(spec, connection);
  return Error{ErrorClass::configuration,
               "provider \"" + connection.provider_id + "\": unknown paging style \"" + *name.value() + "\"",
               {},
               {}};
}

Result<std::unique_ptr<Pager>> make_pager(const Connection& connection, std::string_view resource) {
  const ResourceMaps* maps = connection.maps(resource);
  const ResourceSpec* spec = connection.descriptor->resource(resource);
  if (maps == nullptr || spec == nullptr || maps->paging == nullptr) {
    return Error{ErrorClass::configuration,
                 "provider \"" + connection.provider_id + "\" has no list of " + std::string(resource),
                 {},
                 {}};
  }
  return make_pager(connection, spec->paging);
}

}  // namespace cmms::provider
