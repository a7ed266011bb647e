// Three lines - source path, transform chain, document - mapped in every direction; and the document as
// short-hand.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json/jansson.hpp"
#include "core/mapping/mapping.hpp"

namespace {

using namespace cmms;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

void check(const mapping::Mapped& mapped) {
  for (const mapping::MappedField& field : mapped.fields) {
    if (!json::Document::parse(field.value.to_json()).ok()) std::abort();
  }
  for (const mapping::Problem& problem : mapped.problems) {
    if (problem.value.size() > 200 || problem.message.empty()) std::abort();
    if (json::valid_utf8_length(problem.message) != problem.message.size()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  mapping::RuleText rule_text;
  rule_text.target = "target";
  rule_text.sources = {std::string(take_line(text))};
  rule_text.transform = take_line(text);
  rule_text.required = size % 2 == 0;
  const auto document = json::Document::parse(text);
  if (!document) return 0;
  const json::Value root = document.value().root();

  if (auto short_hand = mapping::parse_short_hand(root, "work_order")) {
    for (const mapping::RuleText& each : short_hand.value().outbound) {
      if (!mapping::compile_rule(each).ok()) std::abort();
    }
  }
  auto rule = mapping::compile_rule(rule_text);
  if (!rule) return 0;
  mapping::ValueMaps values;
  values["status"].add("Open", "requested");
  values["status"].add("In Progress", "in_progress");
  const mapping::FieldMap map(std::vector<mapping::Rule>{std::move(rule).value()});
  using mapping::Direction;
  using mapping::Operation;
  for (const Direction direction : {Direction::inbound, Direction::outbound, Direction::row}) {
    check(map.apply(root, values, direction, Operation::create));
    check(map.apply(root, values, direction, Operation::update));
  }
  return 0;
}
