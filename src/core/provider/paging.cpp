// The table of paging styles.
#include "core/provider/paging.hpp"

#include <array>

#include "core/provider/paging/styles.hpp"

namespace cmms::provider {
namespace {

constexpr std::array<const PagingStyle*, 2> styles{&none_paging, &page_paging};

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

Result<std::unique_ptr<Pager>> make_pager(const Connection& connection, std::string_view resource) {
  const ResourceMaps* maps = connection.maps(resource);
  const ResourceSpec* spec = connection.descriptor->resource(resource);
  if (maps == nullptr || spec == nullptr || maps->paging == nullptr) {
    return Error{ErrorClass::configuration,
                 "provider \"" + connection.provider_id + "\" has no list of " + std::string(resource),
                 {},
                 {}};
  }
  return maps->paging->make(spec->paging, connection);
}

}  // namespace cmms::provider
