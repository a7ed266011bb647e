// Three lines - source path, transform chain, document - mapped in every direction; the chain turned back;
// and the document as short-hand, there and back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
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

// Every zone is an hour ahead, and every function answers its argument.
class FuzzEnvironment : public mapping::Environment {
 public:
  std::optional<mapping::UtcTime> to_utc(std::string_view, mapping::LocalTime time) const override {
    return mapping::UtcTime(time.time_since_epoch()) - std::chrono::hours(1);
  }
  std::optional<mapping::LocalTime> to_local(std::string_view, mapping::UtcTime time) const override {
    return mapping::LocalTime(time.time_since_epoch()) + std::chrono::hours(1);
  }
  Status check_function(std::string_view) const override { return Nothing{}; }
  Result<json::Field> call_function(std::string_view, const json::Field& value) const override {
    return value;
  }
};

mapping::ValueMaps every_kind_of_rule() {
  using mapping::Match;
  mapping::ValueMaps values;
  mapping::ValueMap& map = values["status"];
  map.add("Open", "requested");
  map.add("In Progress", "in_progress");
  map.add({"OPEN", "triaged", Match::exact});
  map.add({"CNF", "completed", Match::contains_code, 1});
  map.add({"REL", "approved", Match::contains_code, 2});
  map.add({"DONE + *", "completed", Match::pair});
  map.add({"DONE + CANCELED", "cancelled", Match::pair});
  values["any"].add({"*", "x", Match::default_value});
  return values;
}

void check_way_back(std::string_view written) {
  const auto chain = mapping::parse_transforms(written);
  if (!chain) return;
  const auto way_back = mapping::inverse_chain(chain.value(), written);
  if (way_back && !mapping::parse_transforms(*way_back).ok()) std::abort();
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

// What was written reads as the same rules.
void check_short_hand(const mapping::ShortHand& rules) {
  if (rules.inbound.empty() && rules.outbound.empty()) return;
  const auto written = json::Document::parse(mapping::write_short_hand(rules, "work_order"));
  if (!written) std::abort();
  const auto read = mapping::parse_short_hand(written.value().root(), "work_order");
  if (!read) std::abort();
  const auto same = [](const std::vector<mapping::RuleText>& one,
                       const std::vector<mapping::RuleText>& other) {
    return std::is_permutation(one.begin(), one.end(), other.begin(), other.end());
  };
  if (!same(rules.inbound, read.value().inbound) || !same(rules.outbound, read.value().outbound))
    std::abort();
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
      const bool is_switch_off = each.sources.empty() && !each.default_value;
      if (!is_switch_off && !mapping::compile_rule(each).ok()) std::abort();
    }
    check_short_hand(short_hand.value());
  }
  check_way_back(rule_text.transform);
  auto rule = mapping::compile_rule(rule_text);
  if (!rule) return 0;
  static const mapping::ValueMaps values = every_kind_of_rule();
  static const auto environment = std::make_shared<FuzzEnvironment>();
  if (!mapping::verify_rule(rule.value(), *environment).ok()) std::abort();
  const mapping::FieldMap map(std::vector<mapping::Rule>{std::move(rule).value()}, environment);
  using mapping::Direction;
  using mapping::Operation;
  for (const Direction direction : {Direction::inbound, Direction::outbound, Direction::row}) {
    check(map.apply(root, values, direction, Operation::create));
    check(map.apply(root, values, direction, Operation::update));
  }
  return 0;
}
