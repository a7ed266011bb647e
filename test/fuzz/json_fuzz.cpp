// Any bytes: parsing either fails or gives a document whose text parses to the same text again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/json/field.hpp"
#include "core/json/jansson.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cmms::json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = Document::parse(text);
  if (!document) return 0;
  const std::string printed = document.value().root().text();
  const auto again = Document::parse(printed);
  if (!again || again.value().root().text() != printed) std::abort();
  if (valid_utf8_length(printed) != printed.size() || printed.find('\0') != std::string::npos) std::abort();

  ObjectBuilder builder;
  document.value().root().each_member([&](std::string_view name, const Value& member) {
    if (!builder.set(quote(name), Field::from(member)).ok() && name.size() < 100) std::abort();
    return true;
  });
  if (!Document::parse(builder.dump()).ok()) std::abort();
  return 0;
}
