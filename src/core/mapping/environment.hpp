// What a transform may ask of the database that it runs in. The core has none of its own: PostgreSQL answers
// in the extension, a small table in the unit tests.
#pragma once

#include <optional>
#include <string_view>

#include "core/json/field.hpp"
#include "core/mapping/iso_time.hpp"
#include "core/result.hpp"

namespace cmms::mapping {

class Environment {
 public:
  Environment() = default;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  virtual ~Environment() = default;

  // Nullopt: there is no such time zone. A local time that a change of the clock skips is read with the
  // offset before the change, one that occurs twice with the offset after it, as PostgreSQL does.
  virtual std::optional<UtcTime> to_utc(std::string_view zone, LocalTime time) const = 0;
  virtual std::optional<LocalTime> to_local(std::string_view zone, UtcTime time) const = 0;

  // `name` is schema.function, of one jsonb, which returns jsonb.
  virtual Status check_function(std::string_view name) const = 0;
  virtual Result<json::Field> call_function(std::string_view name, const json::Field& value) const = 0;
};

}  // namespace cmms::mapping
