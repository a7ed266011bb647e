// Parsing with limits. jansson stands behind Document and is seen nowhere outside core/json.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "core/json/builder.hpp"
#include "core/json/text.hpp"
#include "core/json/value.hpp"
#include "core/result.hpp"

struct json_t;  // jansson's node

namespace cmms::json {

struct Limits {
  std::size_t max_bytes = 64U << 20U;
  std::size_t max_depth = 512;         // checked before jansson recurses
  std::size_t max_values = 2'000'000;  // a 64 MiB run of "[]," would otherwise become gigabytes of nodes
};

// Owns a parsed document; the Values it hands out live as long as it does. Moving it keeps them valid.
class Document {
 public:
  // Any JSON value may be the root. A leading byte order mark is skipped and of duplicate keys the last one
  // wins. Numbers keep the digits they were written with: nothing passes through a double.
  static Result<Document> parse(std::string_view text, const Limits& limits = {});

  Value root() const;

 private:
  struct Release {
    void operator()(json_t* node) const;
  };
  explicit Document(json_t* root) : root_(root) {}

  std::unique_ptr<json_t, Release> root_;
};

}  // namespace cmms::json
