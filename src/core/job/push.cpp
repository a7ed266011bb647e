// Pushes: mapping, one request, and the reading of its answer.
#include "core/job/push.hpp"

#include <algorithm>

#include "core/job/answer.hpp"
#include "core/json/builder.hpp"
#include "core/provider/inbound.hpp"
#include "core/provider/request.hpp"

namespace cmms::job {
namespace {

using provider::Connection;
using provider::ResourceMaps;
using provider::ResourceSpec;

Error configuration_error(const Connection& connection, std::string message) {
  return Error{ErrorClass::configuration,
               "provider \"" + connection.provider_id + "\": " + std::move(message),
               {},
               {}};
}

bool contains(const std::vector<std::string>& values, std::string_view wanted) {
  return std::find(values.begin(), values.end(), wanted) != values.end();
}

// Problems that the descriptor answers by leaving the field out.
void drop_answered_problems(const ResourceSpec& spec, PushOperation operation, mapping::Mapped& mapped) {
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

// Writes our mark behind the text of the field that carries it.
void add_reference(const provider::ReferenceField& field, PushOperation operation,
                   const std::string& reference, mapping::Mapped& mapped) {
  const std::string mark = provider::reference_mark(reference);
  const std::string wanted = field.path.text();
  for (mapping::MappedField& each : mapped.fields) {
    const Result<path::Path> target = path::Path::parse(each.target);
    if (!target || target.value().text() != wanted) continue;
    std::string text = provider::strip_reference(each.value.text, reference);
    if (!text.empty()) text.append(field.separator);
    each.value = json::Field::string(text.append(mark));
    return;
  }
  if (operation == PushOperation::create) mapped.fields.push_back({field.target, json::Field::string(mark)});
}

Result<std::string> make_body(const Connection& connection, const provider::OperationSpec& operation,
                              const mapping::Mapped& mapped) {
  json::ObjectBuilder fields;
  for (const mapping::MappedField& field : mapped.fields) {
    if (Status status = fields.set(field.target, field.value); !status) return std::move(status).error();
  }
  Result<std::optional<std::string>> envelope = provider::expand(
      operation.envelope, [&](std::string_view name) { return connection.placeholder(name); },
      provider::Escape::none);
  if (!envelope) return std::move(envelope).error();
  if (!envelope.value() || envelope.value()->empty()) return fields.dump();
  json::ObjectBuilder body;
  if (Status status = body.set_json(*envelope.value(), fields.dump()); !status)
    return std::move(status).error();
  return body.dump();
}

// "https://host/work_orders/17?x=y" -> "17"
std::string id_of_location(const Response& response) {
  std::string_view location = response.header("location").value_or("");
  location = location.substr(0, location.find_first_of("?#"));
  while (location.ends_with('/')) location.remove_suffix(1);
  const std::size_t slash = location.rfind('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view id = location.substr(slash + 1);
  // Ids that need encoding are not guessed at.
  return id.find('%') == std::string_view::npos ? std::string(id) : std::string();
}

class PushJob : public Job {
 public:
  PushJob(std::shared_ptr<const Connection> connection, const ResourceSpec& spec, const ResourceMaps& maps,
          PushInput input)
      : connection_(std::move(connection)), spec_(spec), maps_(maps), input_(std::move(input)) {}

  Status prepare() {
    const std::optional<provider::OperationSpec>& operation = operation_spec();
    if (!operation) {
      return configuration_error(*connection_, "provider type " + connection_->descriptor->type + " has no " +
                                                   std::string(push_operation_name(input_.operation)) +
                                                   " of " + input_.resource);
    }
    if (input_.operation != PushOperation::create && input_.source_record_id.empty()) {
      first_ = without_id();
      return Nothing{};
    }
    if (input_.operation == PushOperation::remove) return make_first(*operation, {});
    if (input_.record == nullptr) return configuration_error(*connection_, "there is no record to push");
    mapping::Mapped& mapped = mapped_ = map_record();
    for (const mapping::MappedField& field : input_.given) {
      if (mapped.find(field.target) == nullptr) mapped.fields.push_back(field);
    }
    drop_answered_problems(spec_, input_.operation, mapped);
    if (!mapped.problems.empty()) {
      first_ = conclude_held(mapped.problems);
      return Nothing{};
    }
    if (input_.operation == PushOperation::update && mapped.fields.empty()) {
      first_ = synchronized(0);
      return Nothing{};
    }
    if (maps_.reference && !input_.reference.empty()) {
      add_reference(*maps_.reference, input_.operation, input_.reference, mapped);
    }
    Result<std::string> body = make_body(*connection_, *operation, mapped);
    if (!body) return std::move(body).error();
    if (Status status = make_first(*operation, std::move(body).value()); !status) return status;
    return is_checkable() ? check_first() : Nothing{};
  }

  Step start() override { return std::move(first_); }
  PushPreview preview() {
    return {std::move(mapped_), write_ ? Step(*std::move(write_)) : std::move(first_)};
  }
  Step on_outcome(const Outcome& outcome) override {
    if (input_.operation == PushOperation::create) return on_created(outcome);
    if (write_) return on_checked(outcome);
    const Answer answer = read_answer(*connection_, outcome, true);
    const int status = answer.classified.http_status;
    const bool gone = status == 404 || status == 410;
    if (input_.operation == PushOperation::remove && gone && outcome.delivery == Delivery::answered) {
      return synchronized(status);
    }
    if (!answer.ok()) return conclude_failure(answer);
    Conclusion conclusion = synchronized(status);
    conclusion.answer = answer.document;
    const std::optional<json::Value> record = find_record(maps_, answer);
    if (record && provider::record_id(maps_, *record) == input_.source_record_id) conclusion.record = record;
    return conclusion;
  }
  Step on_recorded() override { return synchronized(0); }

 private:
  const std::optional<provider::OperationSpec>& operation_spec() const {
    switch (input_.operation) {
      case PushOperation::create:
        return spec_.create;
      case PushOperation::update:
        return spec_.update;
      case PushOperation::remove:
        return spec_.remove;
    }
    return spec_.create;
  }

  mapping::Mapped map_record() const {
    const json::Value record = input_.record->root();
    if (input_.operation == PushOperation::create) {
      return maps_.outbound.apply(record, maps_.outbound_values, mapping::Direction::outbound,
                                  mapping::Operation::create);
    }
    const std::function<bool(std::string_view)> changed = [&](std::string_view field) {
      return contains(input_.changed_fields, field);
    };
    return maps_.outbound.apply(record, maps_.outbound_values, mapping::Direction::outbound,
                                mapping::Operation::update, &changed);
  }

  Status make_first(const provider::OperationSpec& operation, std::string body) {
    provider::Variables variables;
    variables.emplace("source_id", input_.source_record_id);
    if (!input_.reference.empty()) {
      variables.emplace("reference", input_.reference);
      variables.emplace("reference_mark", provider::reference_mark(input_.reference));
      variables.emplace("reference_short", provider::reference_short(input_.reference));
    }
    Result<Request> request = provider::make_request(*connection_, operation, variables, {}, std::move(body));
    if (!request) return std::move(request).error();
    // An update sets fixed values, whatever the method is called.
    request.value().idempotent = input_.operation != PushOperation::create;
    first_ = std::move(request).value();
    return Nothing{};
  }

  // What was said last must be known to tell a change of the provider's.
  bool is_checkable() const {
    if (input_.operation != PushOperation::update || !maps_.checks_updates || !input_.may_check) return false;
    const std::optional<json::Value> said_last = input_.record->root().member("source_fields");
    return said_last && said_last->is_object();
  }

  Status check_first() {
    write_ = std::get<Request>(std::move(first_));
    if (Status status = make_first(*spec_.read, {}); !status) return status;
    std::get<Request>(first_).idempotent = true;
    return Nothing{};
  }

  // Where the record cannot be read the update is sent all the same, and its answer tells what is wrong.
  Step on_checked(const Outcome& outcome) {
    Request write = *std::exchange(write_, std::nullopt);
    const Answer answer = read_answer(*connection_, outcome, true);
    const bool is_refused =
        answer.classified.disposition == Disposition::rejected || answer.classified.http_status == 403;
    if (!answer.ok() && !is_refused) return conclude_failure(answer);
    if (!answer.ok()) return write;
    const std::optional<json::Value> record = find_record(maps_, answer);
    if (!record || provider::record_id(maps_, *record) != input_.source_record_id) return write;
    if (!has_changed(*record)) return write;
    Conclusion conclusion;
    conclusion.verdict = Verdict::overtaken;
    conclusion.source_record_id = input_.source_record_id;
    conclusion.answer = answer.document;
    conclusion.record = record;
    conclusion.http_status = answer.classified.http_status;
    return conclusion;
  }

  // Whether the provider has a value of its own for a field that is about to be written.
  bool has_changed(const json::Value& record) const {
    const json::Value ours = input_.record->root();
    const json::Value said_last = *ours.member("source_fields");
    const mapping::Mapped mapped = provider::to_inbound(*connection_, input_.resource, record).mapped;
    return std::any_of(mapped.fields.begin(), mapped.fields.end(), [&](const mapping::MappedField& field) {
      if (!contains(input_.changed_fields, field.target)) return false;
      const std::optional<json::Value> base = said_last.member(field.target);
      const std::optional<json::Value> local = ours.member(field.target);
      return base && json::Field::from(*base) != field.value &&
             !(local && json::Field::from(*local) == field.value);
    });
  }

  Conclusion synchronized(int http_status) const {
    Conclusion conclusion;
    conclusion.verdict = Verdict::synchronized;
    conclusion.source_record_id = input_.source_record_id;
    conclusion.http_status = http_status;
    return conclusion;
  }

  // A delete of what the provider never had is done; an update of it cannot be.
  Conclusion without_id() const {
    if (input_.operation == PushOperation::remove) return synchronized(0);
    Conclusion conclusion;
    conclusion.verdict = Verdict::rejected;
    conclusion.error = Error{ErrorClass::identity,
                             "the record has no id at provider \"" + connection_->provider_id + "\"",
                             {},
                             "Queue it again as a create."};
    return conclusion;
  }

  Step on_created(const Outcome& outcome) const {
    const Answer answer = read_answer(*connection_, outcome, false);
    if (!answer.ok()) return conclude_failure(answer);
    Conclusion conclusion = synchronized(answer.classified.http_status);
    conclusion.answer = answer.document;
    conclusion.record = find_record(maps_, answer);
    if (conclusion.record) {
      conclusion.source_record_id = provider::record_id(maps_, *conclusion.record);
    } else if (spec_.create->id_from_location) {
      conclusion.source_record_id = id_of_location(outcome.response);
    }
    if (!conclusion.source_record_id.empty()) return conclusion;
    conclusion.verdict = Verdict::in_doubt;
    Error error{
        ErrorClass::identity,
        "provider \"" + connection_->provider_id + "\" accepted the create but its answer holds no id",
        {},
        {}};
    error.detail = "The id is looked for at";
    for (const path::Path& path : maps_.id) error.detail += " " + path.text();
    error.detail += ".";
    conclusion.error = std::move(error);
    return conclusion;
  }

  std::shared_ptr<const Connection> connection_;
  const ResourceSpec& spec_;  // both live as long as the connection
  const ResourceMaps& maps_;
  PushInput input_;
  mapping::Mapped mapped_;
  Step first_;
  std::optional<Request> write_;  // the update, while the record is being read first
};

Result<std::unique_ptr<PushJob>> prepared_push(std::shared_ptr<const Connection> connection,
                                               PushInput input) {
  const ResourceSpec* spec = connection->descriptor->resource(input.resource);
  const ResourceMaps* maps = connection->maps(input.resource);
  if (spec == nullptr || maps == nullptr) {
    return configuration_error(*connection, "unknown resource \"" + input.resource + "\"");
  }
  auto job = std::make_unique<PushJob>(std::move(connection), *spec, *maps, std::move(input));
  if (Status status = job->prepare(); !status) return std::move(status).error();
  return job;
}

}  // namespace

std::optional<PushOperation> parse_push_operation(std::string_view name) {
  if (name == "create") return PushOperation::create;
  if (name == "update") return PushOperation::update;
  if (name == "delete") return PushOperation::remove;
  return std::nullopt;
}

std::string_view push_operation_name(PushOperation operation) {
  switch (operation) {
    case PushOperation::create:
      return "create";
    case PushOperation::update:
      return "update";
    case PushOperation::remove:
      return "delete";
  }
  return "create";
}

Result<std::unique_ptr<Job>> make_push(std::shared_ptr<const Connection> connection, PushInput input) {
  Result<std::unique_ptr<PushJob>> job = prepared_push(std::move(connection), std::move(input));
  if (!job) return std::move(job).error();
  return std::unique_ptr<Job>(std::move(job).value());
}

Result<PushPreview> preview_push(std::shared_ptr<const Connection> connection, PushInput input) {
  Result<std::unique_ptr<PushJob>> job = prepared_push(std::move(connection), std::move(input));
  if (!job) return std::move(job).error();
  return job.value()->preview();
}

}  // namespace cmms::job
