// Builds the JSON object of a request from named fields.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/field.hpp"
#include "core/result.hpp"

namespace cmms::json {

// Members come out in the order in which they were first set; setting one again replaces its value.
class ObjectBuilder {
 public:
  ObjectBuilder();
  ~ObjectBuilder();
  ObjectBuilder(ObjectBuilder&&) noexcept;
  ObjectBuilder& operator=(ObjectBuilder&&) noexcept;
  ObjectBuilder(const ObjectBuilder&) = delete;
  ObjectBuilder& operator=(const ObjectBuilder&) = delete;

  // `path` names a member ("title") or a nested one ("asset.id", "$.\"odd key\".x"); the objects between are
  // made. Fails when the path is malformed, has an index, or runs through a member that is already a value
  // other than an object.
  Status set(std::string_view path, const Field& value);
  // `json` must be valid compact JSON text, for instance from Value::text() or another builder's dump().
  Status set_json(std::string_view path, std::string json);

  bool empty() const;
  std::string dump() const;  // compact JSON text

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace cmms::json
