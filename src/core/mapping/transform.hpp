// Transforms: what a path cannot say. A chain "trim | map status" is compiled once and applied to one field
// at a time. Each transform is a file in transforms/ and one line of the table in transform.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/field.hpp"
#include "core/mapping/value_map.hpp"
#include "core/result.hpp"

namespace cmms::mapping {

struct TransformContext {
  const ValueMaps& values;  // of the mapping's direction
};

// Why a value was refused: "is not a whole number". The engine adds the field, the value and the rule.
struct TransformFailure {
  std::string reason;
  std::string vocabulary;  // set by `map`: the value has no mapping in this vocabulary
};

// Changes the value in place; nullopt means success. After a failure the value is unchanged.
using TransformFunction = std::optional<TransformFailure> (*)(json::Field& value, std::string_view argument,
                                                              const TransformContext& context);

enum class ArgumentRule : std::uint8_t { none, text, vocabulary };

struct TransformDefinition {
  std::string_view name;
  ArgumentRule argument = ArgumentRule::none;
  TransformFunction function = nullptr;
  std::string_view description;  // a phrase for documentation and hints
};

struct Transform {
  const TransformDefinition* definition = nullptr;
  std::string argument;
};

using TransformChain = std::vector<Transform>;

inline constexpr std::size_t max_chain_length = 16;

const std::vector<TransformDefinition>& transform_definitions();  // sorted by name

// "trim | null_if \"N/A\" | map status". An argument that holds `|`, quotes or outer blanks is written in
// double quotes.
Result<TransformChain> parse_transforms(std::string_view text);

std::optional<TransformFailure> apply_transforms(const TransformChain& chain, json::Field& value,
                                                 const TransformContext& context);

}  // namespace cmms::mapping
