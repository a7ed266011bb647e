// A chain of transforms applied to one value, with a database that is none, for the tests of transforms.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/json/jansson.hpp"
#include "core/mapping/transform.hpp"

namespace cmms::mapping {

// One zone, two hours ahead of UTC, and one function, which answers the number of characters of its argument.
class FakeEnvironment : public Environment {
 public:
  std::optional<UtcTime> to_utc(std::string_view zone, LocalTime time) const override {
    if (zone != "Fake/Zone") return std::nullopt;
    return UtcTime(time.time_since_epoch()) - std::chrono::hours(2);
  }
  std::optional<LocalTime> to_local(std::string_view zone, UtcTime time) const override {
    if (zone != "Fake/Zone") return std::nullopt;
    return LocalTime(time.time_since_epoch()) + std::chrono::hours(2);
  }
  Status check_function(std::string_view name) const override {
    if (name == "fake.length") return Nothing{};
    return Error{ErrorClass::configuration, "there is no function " + std::string(name), {}, {}};
  }
  Result<json::Field> call_function(std::string_view name, const json::Field& value) const override {
    if (Status status = check_function(name); !status) return std::move(status).error();
    return json::Field::number(std::to_string(value.to_json().size()));
  }
};

inline ValueMaps test_values() {
  ValueMaps values;
  values["status"].add("Open", "requested");
  values["status"].add("5", "completed");
  return values;
}

// The result as JSON text, or "! reason".
inline std::string transformed(std::string_view chain_text, std::string_view json_text,
                               std::string_view document_text = "{}") {
  const Result<TransformChain> chain = parse_transforms(chain_text);
  if (!chain) return "? " + chain.error().message;
  const Result<json::Document> given = json::Document::parse(json_text);
  if (!given) return "? " + given.error().message;
  const Result<json::Document> document = json::Document::parse(document_text);
  if (!document) return "? " + document.error().message;
  const ValueMaps values = test_values();
  const FakeEnvironment environment;
  const TransformContext context{values, document.value().root(), &environment};
  json::Field value = json::Field::from(given.value().root());
  if (const auto failure = apply_transforms(chain.value(), value, context)) return "! " + failure->reason;
  return value.to_json();
}

}  // namespace cmms::mapping
