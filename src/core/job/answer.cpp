// Answers of providers.
#include "core/job/answer.hpp"

#include <algorithm>

#include "core/json/text.hpp"
#include "core/provider/inbound.hpp"

namespace cmms::job {
namespace {

// A 2xx that says in its body that it failed.
void check_failure_inside(const provider::Descriptor& descriptor, bool idempotent, Answer& answer) {
  if (!descriptor.failed_when || answer.document == nullptr) return;
  const json::Value root = answer.document->root();
  const std::optional<json::Field> found = descriptor.failed_when->path.first(root);
  const std::vector<std::string>& values = descriptor.failed_when->values;
  if (!found || std::find(values.begin(), values.end(), found->text) == values.end()) return;
  ProviderErrors errors = extract_errors(root, descriptor.errors);
  answer.classified.disposition = Disposition::rejected;
  answer.classified.error_fields = std::move(errors.fields);
  Error error;
  error.error_class = ErrorClass::validation;
  error.message =
      "the provider answered " + std::to_string(answer.classified.http_status) + " with an error inside";
  if (!errors.message.empty()) error.message += ": " + errors.message;
  answer.classified.error = std::move(error);
  apply_error_rules(descriptor.errors, answer.classified.http_status, root, errors.message, idempotent,
                    answer.classified);
}

}  // namespace

Answer read_answer(const provider::Connection& connection, const Outcome& outcome, bool idempotent) {
  Answer answer;
  answer.classified = classify(outcome, idempotent, connection.descriptor->errors);
  if (!answer.ok() || outcome.response.body.empty()) return answer;
  Result<json::Document> document = json::Document::parse(outcome.response.body);
  if (!document) return answer;
  answer.document = std::make_shared<const json::Document>(std::move(document).value());
  check_failure_inside(*connection.descriptor, idempotent, answer);
  return answer;
}

Conclusion conclude_failure(const Answer& answer) {
  const Classified& classified = answer.classified;
  Conclusion conclusion;
  switch (classified.disposition) {
    case Disposition::rejected:
      conclusion.verdict = Verdict::rejected;
      break;
    case Disposition::in_doubt:
      conclusion.verdict = Verdict::in_doubt;
      break;
    case Disposition::retry:
    case Disposition::answered_ok:
      conclusion.verdict = Verdict::retry;
      break;
  }
  conclusion.error = classified.error;
  conclusion.error_fields = classified.error_fields;
  conclusion.retry_after = classified.retry_after;
  conclusion.http_status = classified.http_status;
  conclusion.provider_wide = classified.provider_wide;
  conclusion.unreachable = classified.unreachable;
  return conclusion;
}

std::optional<json::Value> find_records(const std::vector<path::Path>& paths, const Answer& answer) {
  if (answer.document == nullptr) return std::nullopt;
  for (const path::Path& path : paths) {
    const std::optional<json::Value> value = path.first_value(answer.document->root());
    if (value && value->is_array()) return value;
  }
  return std::nullopt;
}

Error no_records_error(const provider::Connection& connection, const std::vector<path::Path>& paths,
                       const Answer& answer) {
  Error error;
  error.error_class = ErrorClass::provider_unavailable;
  error.message = "provider \"" + connection.provider_id + "\" answered a list request with " +
                  (answer.document == nullptr ? "something that is not JSON" : "no array of records");
  error.detail = "Records are looked for at";
  for (const path::Path& path : paths) error.detail += " " + path.text();
  error.detail += ".";
  return error;
}

std::optional<json::Value> find_record(const provider::ResourceMaps& maps, const Answer& answer) {
  if (answer.document == nullptr) return std::nullopt;
  for (const path::Path& path : maps.record) {
    const std::optional<json::Value> value = path.first_value(answer.document->root());
    if (value && value->is_object() && !provider::record_id(maps, *value).empty()) return value;
  }
  return std::nullopt;
}

}  // namespace cmms::job
