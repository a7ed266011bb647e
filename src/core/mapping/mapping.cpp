// Applying field maps. Problems are collected, so that one look at a held record shows all of them.
#include "core/mapping/mapping.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/json/text.hpp"

namespace cmms::mapping {
namespace {

constexpr std::size_t max_sources = 16;
constexpr std::size_t max_problem_value_bytes = 200;
constexpr std::size_t room_for_identity = 4;  // id, time stamp, revision and reference, which callers add

Error in_rule(std::string_view target, Error error) {
  error.message = "field map rule for " + json::quote_clipped(target) + ": " + error.message;
  return error;
}

Error invalid_rule(std::string_view target, std::string message) {
  return in_rule(target, {ErrorClass::configuration, std::move(message), {}, {}});
}

std::string rule_text(const RuleText& rule) {
  std::string text;
  for (const std::string& source : rule.sources) {
    if (!text.empty()) text.append(", ");
    text.append(source);
  }
  if (!rule.transform.empty()) {
    if (!text.empty()) text.append(" | ");
    text.append(rule.transform);
  }
  return text.empty() ? "default" : text;
}

bool has_operation(const Rule& rule, Operation operation) {
  switch (rule.on_operation) {
    case OnOperation::always:
      return true;
    case OnOperation::create:
      return operation == Operation::create;
    case OnOperation::update:
      return operation == Operation::update;
  }
  return true;
}

// A source that is the whole document, or an element of it, is touched by every change.
bool is_touched(const Rule& rule, const std::function<bool(std::string_view)>& only) {
  return std::any_of(rule.sources.begin(), rule.sources.end(),
                     [&](const path::Path& source) { return source.head().empty() || only(source.head()); });
}

bool is_missing(const json::Field& value) {
  return value.is_null() || (value.kind == json::Kind::string && value.text.empty());
}

Problem missing_required(const Rule& rule) {
  return {ProblemKind::missing_required,
          rule.target,
          {},
          {},
          "field " + json::quote(rule.target) + " is required and has no value (rule: " + rule.text + ")"};
}

Problem refused_value(const Rule& rule, const json::Field& value, TransformFailure failure) {
  Problem problem;
  problem.kind = failure.vocabulary.empty() ? ProblemKind::bad_value : ProblemKind::unmapped_value;
  problem.target = rule.target;
  problem.vocabulary = std::move(failure.vocabulary);
  problem.value = json::clip(failure.part.empty() ? value.text : failure.part, max_problem_value_bytes);
  problem.message = "field " + json::quote(rule.target) + ": value " + json::quote(problem.value) + " " +
                    failure.reason + " (rule: " + rule.text + ")";
  return problem;
}

// One rule on one document: at most one field or one problem.
void apply_rule(const Rule& rule, const json::Value& document, const TransformContext& context,
                Direction direction, Operation operation, Mapped& mapped) {
  const bool creates = operation == Operation::create;
  std::optional<json::Field> value;
  if (std::optional<SourceValue> source = read_sources(rule, document)) value = std::move(source->value);
  if (value) {
    if (auto failure = apply_transforms(rule.transforms, *value, context)) {
      mapped.problems.push_back(refused_value(rule, *value, *std::move(failure)));
      return;
    }
  }
  // An update that does not mention a field leaves it alone; only a null or a new record gets the default.
  const bool defaultable = value ? value->is_null() : creates || rule.sources.empty();
  if (defaultable && rule.default_value) value = rule.default_value;

  if (rule.required && (value ? is_missing(*value) : creates)) {
    mapped.problems.push_back(missing_required(rule));
    return;
  }
  if (!value) return;
  // A provider gets no nulls in a new record; the hub keeps them, because there null means "cleared".
  if (value->is_null() && creates && direction != Direction::inbound) return;
  mapped.fields.push_back({rule.target, *std::move(value)});
}

}  // namespace

std::string_view problem_kind_name(ProblemKind kind) {
  static constexpr std::array<std::string_view, 3> names{"missing_required", "unmapped_value", "bad_value"};
  return names[static_cast<std::size_t>(kind)];
}

Result<Rule> compile_rule(const RuleText& text) {
  Rule rule;
  if (text.target.empty()) {
    return Error{ErrorClass::configuration, "field map rule has no target", {}, {}};
  }
  Result<path::Path> target = path::Path::parse(text.target);
  if (!target) return in_rule(text.target, std::move(target).error());
  if (!target.value().members_only()) {
    return invalid_rule(text.target, "a target is a member name or member names joined by dots");
  }
  rule.target = text.target;

  if (text.sources.size() > max_sources) return invalid_rule(text.target, "more than 16 sources");
  rule.sources.reserve(text.sources.size());
  for (const std::string& source : text.sources) {
    Result<path::Path> parsed = path::Path::parse(source);
    if (!parsed) return in_rule(text.target, std::move(parsed).error());
    rule.sources.push_back(std::move(parsed).value());
  }
  if (text.default_value && !text.default_value->is_null()) rule.default_value = text.default_value;
  if (rule.sources.empty() && !rule.default_value) {
    return invalid_rule(text.target, "neither a source nor a default is given");
  }

  Result<TransformChain> transforms = parse_transforms(text.transform);
  if (!transforms) return in_rule(text.target, std::move(transforms).error());
  rule.transforms = std::move(transforms).value();
  rule.required = text.required;
  rule.on_operation = text.on_operation;
  rule.text = rule_text(text);
  return rule;
}

Status verify_rule(const Rule& rule, const Environment& environment) {
  Status status = verify_transforms(rule.transforms, environment);
  if (!status) return in_rule(rule.target, std::move(status).error());
  return status;
}

std::optional<SourceValue> read_sources(const Rule& rule, const json::Value& document) {
  std::optional<SourceValue> found;
  for (const path::Path& source : rule.sources) {
    std::optional<json::Field> value = source.field(document);
    if (!value) continue;
    found = SourceValue{&source, *std::move(value)};
    if (!found->value.is_null()) break;
  }
  return found;
}

const json::Field* Mapped::find(std::string_view target) const {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const MappedField& field) { return field.target == target; });
  return found == fields.end() ? nullptr : &found->value;
}

FieldMap::FieldMap(std::vector<Rule> rules, std::shared_ptr<const Environment> environment)
    : rules_(std::move(rules)), environment_(std::move(environment)) {
  asks_of_new_records_ = std::any_of(rules_.begin(), rules_.end(),
                                     [](const Rule& rule) { return rule.required || rule.default_value; });
}

std::optional<Mapped> FieldMap::complete(const Mapped& mapped) const {
  if (!asks_of_new_records_) return std::nullopt;
  std::optional<Mapped> completed;
  for (const Rule& rule : rules_) {
    if (!rule.required && !rule.default_value) continue;
    const bool is_mentioned =
        mapped.find(rule.target) != nullptr ||
        std::any_of(mapped.problems.begin(), mapped.problems.end(),
                    [&](const Problem& problem) { return problem.target == rule.target; });
    if (is_mentioned) continue;
    if (!completed) completed = mapped;
    if (rule.default_value) {
      completed->fields.push_back({rule.target, *rule.default_value});
    } else {
      completed->problems.push_back(missing_required(rule));
    }
  }
  return completed;
}

Mapped FieldMap::apply(const json::Value& document, const ValueMaps& values, Direction direction,
                       Operation operation, const std::function<bool(std::string_view)>* only) const {
  Mapped mapped;
  mapped.fields.reserve(rules_.size() + room_for_identity);
  const TransformContext context = this->context(document, values);
  bool has_touched = false;
  for (const Rule& rule : rules_) {
    if (!has_operation(rule, operation)) continue;
    const bool is_constant = rule.sources.empty();
    if (only != nullptr && !is_constant) {
      if (!is_touched(rule, *only)) continue;
      has_touched = true;
    }
    apply_rule(rule, document, context, direction, operation, mapped);
  }
  // Constants accompany a change; on their own they are none.
  if (only != nullptr && !has_touched) mapped.fields.clear();
  return mapped;
}

}  // namespace cmms::mapping
