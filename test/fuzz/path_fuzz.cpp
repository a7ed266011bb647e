// Any text as a path: either an error or a path whose canonical text means the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/json/jansson.hpp"
#include "core/path/path.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using cmms::path::Path;
  static const auto document =
      cmms::json::Document::parse(R"({"a":{"b":[1,{"c":[{"d":null}]},[2]]},"odd key":[[],{"":0}],"ä":"x"})");
  const auto path = Path::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!path) {
    if (path.error().message.empty() || path.error().message.find('\0') != std::string::npos) std::abort();
    return 0;
  }
  const cmms::json::Value root = document.value().root();
  const auto all = path.value().all(root);
  const auto first = path.value().first(root);
  if (first.has_value() == all.empty()) std::abort();
  if (!path.value().has_wildcard() && path.value().field(root) != first) std::abort();
  const auto again = Path::parse(path.value().text());
  if (again ? again.value().steps() != path.value().steps()
            : path.value().text().size() <= cmms::path::max_path_bytes) {
    std::abort();
  }
  return 0;
}
