#include "core/error.hpp"

#include <algorithm>
#include <array>

#include "core/sqlstate.hpp"

namespace cmms {
namespace {

struct ClassEntry {
  std::string_view name;
  const char* sqlstate;
};

constexpr std::array<ClassEntry, 8> class_entries{{
    {"authentication", sqlstate::authentication},
    {"authorization", sqlstate::authorization},
    {"validation", sqlstate::validation},
    {"identity", sqlstate::identity},
    {"conflict", sqlstate::conflict},
    {"provider_unavailable", sqlstate::provider_unavailable},
    {"configuration", sqlstate::invalid_configuration},
    {"unmapped_value", sqlstate::unmapped_value},
}};

}  // namespace

std::string_view error_class_name(ErrorClass error_class) {
  return class_entries[static_cast<std::size_t>(error_class)].name;
}

std::optional<ErrorClass> parse_error_class(std::string_view name) {
  const auto* found = std::find_if(class_entries.begin(), class_entries.end(),
                                   [&](const ClassEntry& entry) { return entry.name == name; });
  if (found == class_entries.end()) return std::nullopt;
  return static_cast<ErrorClass>(found - class_entries.begin());
}

const char* error_class_sqlstate(ErrorClass error_class) {
  return class_entries[static_cast<std::size_t>(error_class)].sqlstate;
}

}  // namespace cmms
