// The mapped fields of outgoing records.
#include "core/job/outgoing.hpp"

#include <algorithm>

#include "core/json/builder.hpp"
#include "core/provider/inbound.hpp"

namespace cmms::job {
namespace {

bool contains(const std::vector<std::string>& values, std::string_view wanted) {
  return std::find(values.begin(), values.end(), wanted) != values.end();
}

}  // namespace

mapping::Mapped map_record(const provider::ResourceSpec& spec, const provider::ResourceMaps& maps,
                           const PushInput& input) {
  const json::Value record = input.record->root();
  const std::function<bool(std::string_view)> changed = [&](std::string_view field) {
    return contains(input.changed_fields, field);
  };
  const bool is_create = input.operation == PushOperation::create;
  mapping::Mapped mapped = maps.outbound.apply(
      record, maps.outbound_values, mapping::Direction::outbound,
      is_create ? mapping::Operation::create : mapping::Operation::update, is_create ? nullptr : &changed);
  for (const mapping::MappedField& field : input.given) {
    if (mapped.find(field.target) == nullptr) mapped.fields.push_back(field);
  }
  drop_answered_problems(spec, input.operation, mapped);
  const bool is_sent = mapped.problems.empty() && (is_create || !mapped.fields.empty());
  if (is_sent && maps.reference && !input.reference.empty()) {
    add_reference(*maps.reference, input.operation, input.reference, mapped);
  }
  return mapped;
}

void drop_answered_problems(const provider::ResourceSpec& spec, PushOperation operation,
                            mapping::Mapped& mapped) {
  std::erase_if(mapped.problems, [&](const mapping::Problem& problem) {
    if (problem.kind == mapping::ProblemKind::bad_value)
      return contains(spec.omit_bad_values, problem.target);
    if (problem.kind != mapping::ProblemKind::unmapped_value || operation != PushOperation::create)
      return false;
    const auto found = spec.provider_default.find(problem.target);
    return found != spec.provider_default.end() && contains(found->second, problem.value);
  });
}

Conclusion conclude_held(const std::vector<mapping::Problem>& problems) {
  const auto unmapped = std::find_if(problems.begin(), problems.end(), [](const mapping::Problem& problem) {
    return problem.kind == mapping::ProblemKind::unmapped_value;
  });
  const mapping::Problem& first = unmapped == problems.end() ? problems.front() : *unmapped;
  Error error;
  error.error_class = unmapped == problems.end() ? ErrorClass::validation : ErrorClass::unmapped_value;
  error.message = first.message;
  if (problems.size() > 1) error.detail = std::to_string(problems.size()) + " fields cannot be mapped.";
  error.hint = unmapped == problems.end() ? "Correct the record or its field map; it is sent then."
                                          : "Map the value with cmms.map_value; the record is sent then.";
  Conclusion conclusion;
  conclusion.verdict = Verdict::held;
  conclusion.error = std::move(error);
  conclusion.error_fields = provider::problems_json(problems);
  return conclusion;
}

void add_reference(const provider::ReferenceField& field, PushOperation operation,
                   const std::string& reference, mapping::Mapped& mapped) {
  const bool is_own = !field.form.empty();
  const std::string mark = field.form == "short" ? provider::reference_short(reference)
                           : is_own              ? reference
                                                 : provider::reference_mark(reference);
  const std::string wanted = field.path.text();
  for (mapping::MappedField& each : mapped.fields) {
    const Result<path::Path> target = path::Path::parse(each.target);
    if (!target || target.value().text() != wanted) continue;
    std::string text = is_own ? std::string() : provider::strip_reference(each.value.text, reference);
    if (!text.empty()) text.append(field.separator);
    each.value = json::Field::string(text.append(mark));
    return;
  }
  if (operation == PushOperation::create) mapped.fields.push_back({field.target, json::Field::string(mark)});
}

Result<std::string> fields_json(const std::vector<mapping::MappedField>& fields) {
  json::ObjectBuilder object;
  for (const mapping::MappedField& field : fields) {
    if (Status status = object.set(field.target, field.value); !status) return std::move(status).error();
  }
  return object.dump();
}

Result<std::string> in_envelope(const provider::Connection& connection,
                                const provider::OperationSpec& operation, std::string json) {
  Result<std::optional<std::string>> envelope = provider::expand(
      operation.envelope, [&](std::string_view name) { return connection.placeholder(name); },
      provider::Escape::none);
  if (!envelope) return std::move(envelope).error();
  if (!envelope.value() || envelope.value()->empty()) return json;
  json::ObjectBuilder body;
  if (Status status = body.set_json(*envelope.value(), std::move(json)); !status)
    return std::move(status).error();
  return body.dump();
}

Error no_operation_error(const provider::Connection& connection, std::string_view operation,
                         std::string_view resource) {
  std::string message = "provider \"" + connection.provider_id + "\": provider type " +
                        connection.descriptor->type + " has no ";
  message.append(operation).append(" of ").append(resource);
  return Error{ErrorClass::configuration, std::move(message), {}, {}};
}

Conclusion nothing_to_send(const std::string& source_record_id) {
  Conclusion conclusion;
  conclusion.verdict = Verdict::synchronized;
  conclusion.source_record_id = source_record_id;
  return conclusion;
}

Conclusion conclude_without_id(const provider::Connection& connection) {
  Conclusion conclusion;
  conclusion.verdict = Verdict::rejected;
  conclusion.error = Error{ErrorClass::identity,
                           "the record has no id at provider \"" + connection.provider_id + "\"",
                           {},
                           "Queue it again as a create."};
  return conclusion;
}

}  // namespace cmms::job
