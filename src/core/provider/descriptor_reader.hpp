// Strict reading of a descriptor: every member is asked for by name, and what nobody asked for is an error
// that names its JSON path. Only the first error is kept; after it the getters answer empty values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.hpp"
#include "core/path/path.hpp"
#include "core/provider/descriptor.hpp"
#include "core/result.hpp"

namespace cmms::provider {

class DescriptorReader {
 public:
  void fail(const std::string& at, std::string_view what, std::string hint = {});
  bool failed() const { return error_.has_value(); }
  Error take_error() { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

// The members of one object. finish() reports those that were not asked for.
class Members {
 public:
  Members(DescriptorReader& reader, const json::Value& object, std::string at);

  const std::string& at() const { return at_; }
  std::string at(std::string_view member) const;

  std::optional<json::Value> take(std::string_view name);
  std::optional<json::Value> take_object(std::string_view name);
  std::string text(std::string_view name, bool required = false);
  bool boolean(std::string_view name, bool fallback = false);
  std::optional<std::int64_t> integer(std::string_view name);
  std::vector<std::int64_t> integers(std::string_view name);  // a number or an array of numbers
  bool has(std::string_view name) const { return object_.member(name).has_value(); }
  std::vector<std::string> texts(std::string_view name);     // a string or an array of strings
  std::vector<path::Path> paths(std::string_view name);      // the same, parsed
  std::vector<Parameter> parameters(std::string_view name);  // an object of strings

  void finish();

 private:
  std::optional<std::int64_t> whole_number(const json::Value& value, const std::string& at);

  DescriptorReader& reader_;
  json::Value object_;
  std::string at_;
  std::vector<std::string> known_;
};

std::string member_path(const std::string& at, std::string_view member);

// descriptor_resource.cpp
OperationSpec read_operation(Members& members);
ResourceSpec read_resource(DescriptorReader& reader, std::string_view name, const json::Value& value,
                           const std::string& at);
// descriptor_webhook.cpp
std::optional<WebhookSpec> read_webhook_spec(DescriptorReader& reader, const json::Value& value,
                                             const std::string& at);
// Placeholders must name an option, a credential or a variable of a request; paths, methods and styles must
// be known ones where no placeholder stands for them.
void check_templates(DescriptorReader& reader, const Descriptor& descriptor);

}  // namespace cmms::provider
