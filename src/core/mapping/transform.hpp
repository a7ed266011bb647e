// Transforms: what a path cannot say. A chain "trim | map status" is compiled once and applied to one field
// at a time. Each transform is a file in transforms/ and one line of the table in transform.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/field.hpp"
#include "core/json/value.hpp"
#include "core/mapping/environment.hpp"
#include "core/mapping/value_map.hpp"
#include "core/result.hpp"

namespace cmms::mapping {

// What a transform may look at besides the value.
struct TransformContext {
  const ValueMaps& values;                   // of the mapping's direction
  json::Value document = {};                 // the whole source document
  const Environment* environment = nullptr;  // null: there is no database, so no named time zones, no SQL
};

// Why a value was refused: "is not a whole number". The engine adds the field, the value and the rule.
struct TransformFailure {
  std::string reason;
  std::string vocabulary = {};  // set by `map`: the value has no mapping in this vocabulary
  std::string part = {};        // the part of the value that was refused; empty: all of it
};

// What a transform makes of its arguments when a chain is compiled.
struct Prepared {
  Prepared() = default;
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  virtual ~Prepared() = default;
};

struct TransformDefinition;

struct Transform {
  const TransformDefinition* definition = nullptr;
  std::vector<std::string> arguments = {};
  std::shared_ptr<const Prepared> prepared = nullptr;  // null where the definition prepares nothing

  const std::string& argument() const { return arguments.front(); }
  template <class Kind>  // what the definition's `prepare` made
  const Kind& prepared_as() const {
    return static_cast<const Kind&>(*prepared);
  }
};

// Changes the value in place; nullopt means success. After a failure the value is unchanged.
using TransformFunction = std::optional<TransformFailure> (*)(json::Field& value, const Transform& transform,
                                                              const TransformContext& context);
// Checks the arguments, may keep what it made of them. The error's message ends the sentence `transform
// "x":`.
using PrepareFunction = Status (*)(Transform& transform);
// What only the database can say of the arguments: whether the time zone or the function exists.
using VerifyFunction = Status (*)(const Transform& transform, const Environment& environment);

struct TransformDefinition {
  std::string_view name;
  std::string_view arguments = {};  // as written: "<text>"; empty: it has none
  std::uint8_t fewest_arguments = 0;
  std::uint8_t most_arguments = 0;
  TransformFunction function = nullptr;
  std::string_view description = {};  // a phrase for documentation and hints
  // What turns the values back on their way out; "=": the transform itself; empty: nothing does.
  std::string_view inverse = "=";
  PrepareFunction prepare = nullptr;
  VerifyFunction verify = nullptr;
};

using TransformChain = std::vector<Transform>;

inline constexpr std::size_t max_chain_length = 16;
inline constexpr std::size_t max_arguments = 32;

const std::vector<TransformDefinition>& transform_definitions();  // sorted by name

// "trim | null_if \"N/A\" \"-\" | map status". An argument that holds `|`, quotes or outer blanks, or that is
// followed by another, is written in double quotes.
Result<TransformChain> parse_transforms(std::string_view text);

// The chain for the other direction; nullopt: a transform of this one cannot be turned back.
std::optional<std::string> inverse_chain(const TransformChain& chain, std::string_view written);

// Whether time zones and functions that the chain names exist.
Status verify_transforms(const TransformChain& chain, const Environment& environment);

std::optional<TransformFailure> apply_transforms(const TransformChain& chain, json::Field& value,
                                                 const TransformContext& context);

}  // namespace cmms::mapping
