// Paths: the accessor subset of SQL/JSON path in which maps and descriptors name the parts of a document.
// `$.a.b`, `$.a[0]`, `$.a[*].b`, `$."odd key"`, `$`; a bare `a.b` is short for `$.a.b`.
// Strict about kinds: an array is entered only by [n] or [*], an object only by name; what is not there is
// absent, no error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/field.hpp"
#include "core/json/value.hpp"
#include "core/result.hpp"

namespace cmms::path {

inline constexpr std::size_t max_path_bytes = 1024;
inline constexpr std::size_t max_path_steps = 32;

struct Step {
  enum class Kind : std::uint8_t { member, element, every_element };
  Kind kind = Kind::member;
  std::string name;          // of a member
  std::size_t position = 0;  // of an element, counted from 0

  friend bool operator==(const Step&, const Step&) = default;
};

class Path {
 public:
  Path() = default;  // `$`
  static Result<Path> parse(std::string_view text);

  // The first match, in document order. nullopt: absent; a JSON null that is there is a null value.
  std::optional<json::Value> first_value(const json::Value& document) const;
  std::optional<json::Field> first(const json::Value& document) const;  // copied out of the document
  // Every match; more than one only when the path has a [*].
  std::vector<json::Value> all(const json::Value& document) const;
  // What a mapping rule reads: the value itself or, for a path with [*], the array of its matches
  // (absent or null when the array before the first [*] is).
  std::optional<json::Field> field(const json::Value& document) const;

  std::string_view head() const;  // the first step's member name; empty for `$` and `$[0]`
  bool has_wildcard() const { return wildcard_ < steps_.size(); }
  bool members_only() const;  // at least one step, and each is a name: such a path can also be written to
  const std::vector<Step>& steps() const { return steps_; }
  Path with_head(const Path& head) const;  // the steps of `head` in place of the first one
  std::string text() const;                // canonical: `$.a[*]."odd key"`

 private:
  explicit Path(std::vector<Step> steps);

  std::vector<Step> steps_;
  std::size_t wildcard_ = 0;  // the first [*]; steps_.size() when there is none
};

}  // namespace cmms::path
