#include "core/error.hpp"

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

const char* error_class_sqlstate(ErrorClass error_class) {
  return class_entries[static_cast<std::size_t>(error_class)].sqlstate;
}

}  // namespace cmms
