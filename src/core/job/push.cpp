// Pushes: one request to create or delete; to update, the record is read where its version or status must be
// known, its fields are written, and its status is walked.
#include "core/job/push.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/job/answer.hpp"
#include "core/job/outgoing.hpp"
#include "core/job/stamp.hpp"
#include "core/job/status_walk.hpp"
#include "core/provider/inbound.hpp"
#include "core/provider/request.hpp"

namespace cmms::job {
namespace {

using provider::Connection;
using provider::OperationSpec;
using provider::ResourceMaps;
using provider::ResourceSpec;

constexpr std::string_view status_column = "common_status";

Error configuration_error(const Connection& connection, std::string message) {
  return Error{ErrorClass::configuration,
               "provider \"" + connection.provider_id + "\": " + std::move(message),
               {},
               {}};
}

bool contains(const std::vector<std::string>& values, std::string_view wanted) {
  return std::find(values.begin(), values.end(), wanted) != values.end();
}

Result<std::string> make_body(const Connection& connection, const provider::OperationSpec& operation,
                              const mapping::Mapped& mapped) {
  Result<std::string> fields = fields_json(mapped.fields);
  if (!fields) return fields;
  return in_envelope(connection, operation, std::move(fields).value());
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
    const std::optional<OperationSpec>& operation = operation_spec();
    if (!operation) {
      return no_operation_error(*connection_, push_operation_name(input_.operation), input_.resource);
    }
    if (input_.operation != PushOperation::create && input_.source_record_id.empty()) {
      return conclude_at_once(without_id());
    }
    if (!operation->unsupported.empty()) return conclude_at_once(unsupported(*operation));
    if (input_.operation == PushOperation::remove) return begin_with(make(*operation, {}));
    if (input_.record == nullptr) return configuration_error(*connection_, "there is no record to push");
    mapped_ = map_record(spec_, maps_, input_);
    if (!mapped_.problems.empty()) return conclude_at_once(conclude_held(mapped_.problems));
    return input_.operation == PushOperation::create ? begin_with(make_write(*operation))
                                                     : prepare_update(*operation);
  }

  Step start() override { return std::move(first_); }
  PushPreview preview() {
    PushPreview preview{std::move(mapped_), write_ ? Step(*std::move(write_)) : std::move(first_), {}};
    if (wanted_.empty()) return preview;
    const auto way = expected_way(spec_, maps_, input_.record->root(), wanted_);
    if (way) preview.follows = action_names(*way);
    return preview;
  }

  Step on_outcome(const Outcome& outcome) override {
    switch (stage_) {
      case Stage::check:
        return on_checked(outcome);
      case Stage::write:
        return input_.operation == PushOperation::create ? on_created(outcome) : on_written(outcome);
      case Stage::act:
        return on_acted(outcome);
      case Stage::read_back:
        return on_read_back(outcome);
      case Stage::read_refused:
        return on_refused_delete(outcome);
    }
    return synchronized(0);
  }

  Step on_recorded() override { return synchronized(0); }

 private:
  enum class Stage : std::uint8_t { write, check, act, read_back, read_refused };

  const std::optional<OperationSpec>& operation_spec() const {
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

  Status conclude_at_once(Conclusion conclusion) {
    first_ = std::move(conclusion);
    return Nothing{};
  }

  Status begin_with(Result<Request> request) {
    if (!request) return std::move(request).error();
    first_ = std::move(request).value();
    return Nothing{};
  }

  // A status that is changed by actions, and has changed here.
  bool moves_status() const { return spec_.status_actions && contains(input_.changed_fields, status_column); }

  Status prepare_update(const OperationSpec& operation) {
    if (moves_status()) {
      wanted_ = wanted_state(*connection_, input_.resource, input_.record->root()).value_or("");
      if (wanted_.empty()) return conclude_at_once(held_without_state());
    }
    if (!mapped_.fields.empty()) {
      Result<Request> write = make_write(operation);
      if (!write) return std::move(write).error();
      write_ = std::move(write).value();
    } else if (wanted_.empty()) {
      return conclude_at_once(synchronized(0));
    }
    if (!wanted_.empty() || is_checkable() || !maps_.lock.empty()) {
      stage_ = Stage::check;
      return begin_with(make(*spec_.read, {}));
    }
    first_ = *std::exchange(write_, std::nullopt);
    return Nothing{};
  }

  Conclusion held_without_state() const {
    const std::optional<json::Value> status = input_.record->root().member(status_column);
    const std::string value = status ? json::Field::from(*status).text : std::string();
    return conclude_held({{mapping::ProblemKind::unmapped_value, std::string(status_column), "status", value,
                           "the status \"" + value + "\" has no mapping to one of the provider's"}});
  }

  Result<Request> make_write(const OperationSpec& operation) const {
    Result<std::string> body = make_body(*connection_, operation, mapped_);
    if (!body) return std::move(body).error();
    return make(operation, std::move(body).value());
  }

  Result<Request> make(const OperationSpec& operation, std::string body) const {
    provider::Variables variables;
    variables.emplace("source_id", input_.source_record_id);
    variables.emplace(
        "now",
        format_stamp(std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()), {}));
    if (!input_.reference.empty()) {
      variables.emplace("reference", input_.reference);
      variables.emplace("reference_mark", provider::reference_mark(input_.reference));
      variables.emplace("reference_short", provider::reference_short(input_.reference));
    }
    Result<Request> request = provider::make_request(*connection_, operation, variables, {}, std::move(body));
    if (!request) return request;
    // An update sets fixed values, whatever the method is called. A delete by POST is a call, which may be
    // refused the second time.
    if (input_.operation == PushOperation::update) request.value().idempotent = true;
    if (input_.operation == PushOperation::create) request.value().idempotent = false;
    return request;
  }

  // What was said last must be known to tell a change of the provider's.
  bool is_checkable() const {
    if (!maps_.checks_updates || !input_.may_check) return false;
    const std::optional<json::Value> said_last = input_.record->root().member("source_fields");
    return said_last && said_last->is_object();
  }

  // Where the record cannot be read the update is sent all the same, and its answer tells what is wrong.
  Step on_checked(const Outcome& outcome) {
    const Answer answer = read_answer(*connection_, outcome, true);
    const bool is_refused =
        answer.classified.disposition == Disposition::rejected || answer.classified.http_status == 403;
    if (!answer.ok() && (!is_refused || !wanted_.empty())) return conclude_failure(answer);
    const std::optional<json::Value> record = answer.ok() ? find_record(maps_, answer) : std::nullopt;
    const bool is_known = record && provider::record_id(maps_, *record) == input_.source_record_id;
    if (is_known && is_checkable() && has_changed(*record)) return overtaken(answer, *record);
    if (is_known) version_ = version_of(outcome.response, *record);
    if (!wanted_.empty()) {
      present_ = is_known ? present_state(spec_, maps_, *record) : std::string();
      way_ = find_way(*spec_.status_actions, present_, wanted_);
      steps_done_ = 0;
      // An earlier attempt may have got as far as here.
      if (is_read_only() && shows_fields(*record)) write_.reset();
      if (way_ && way_->empty() && !write_) return conclude_done(answer);
    }
    return next();
  }

  std::string version_of(const Response& response, const json::Value& record) const {
    if (const auto etag = response.header("etag")) return std::string(*etag);
    return provider::record_revision(maps_, record);
  }

  bool is_read_only() const {
    const std::string& state = steps_done_ == 0 ? present_ : (*way_)[steps_done_ - 1]->to;
    return spec_.status_actions && contains(spec_.status_actions->read_only, state);
  }

  bool shows_fields(const json::Value& record) const {
    return std::all_of(mapped_.fields.begin(), mapped_.fields.end(), [&](const mapping::MappedField& field) {
      const std::optional<json::Value> shown = record.member(field.target);
      return shown && json::Field::from(*shown) == field.value;
    });
  }

  // The fields are written first: what a status allows to be changed is usually more the earlier it is.
  Step next() {
    const bool must_leave = write_ && way_ && steps_done_ < way_->size() && is_read_only();
    if (write_ && !must_leave && steps_done_ > 0 && !is_read_again_) {
      is_read_again_ = true;  // the actions have made another version of it
      stage_ = Stage::check;
      return request_or_failure(make(*spec_.read, {}));
    }
    if (write_ && !must_leave) {
      stage_ = Stage::write;
      Request write = *std::exchange(write_, std::nullopt);
      if (maps_.lock == "any" || !version_.empty()) {
        if (!maps_.lock.empty()) write.headers.push_back({"If-Match", version_.empty() ? "*" : version_});
      }
      return write;
    }
    if (wanted_.empty()) return synchronized(0);
    if (!way_) return without_way();
    if (steps_done_ < way_->size()) {
      stage_ = Stage::act;
      Result<Request> action = make((*way_)[steps_done_]->operation, {});
      // Not to be sent again by the transport: after a lost answer the status is read first.
      if (action) action.value().idempotent = false;
      return request_or_failure(std::move(action));
    }
    stage_ = Stage::read_back;
    return request_or_failure(make(*spec_.read, {}));
  }

  static Step request_or_failure(Result<Request> request) {
    if (request) return std::move(request).value();
    Conclusion conclusion;
    conclusion.verdict = Verdict::rejected;
    conclusion.error = std::move(request).error();
    return conclusion;
  }

  Step on_written(const Outcome& outcome) {
    const Answer answer = read_answer(*connection_, outcome, true);
    if (input_.operation == PushOperation::remove) return on_deleted(answer);
    if (!answer.ok()) return conclude_write_failure(answer);
    if (!wanted_.empty()) return next();
    return conclude_done(answer);
  }

  // Where a delete is an action it is refused the second time: what an earlier attempt did shows in the
  // status.
  Step on_deleted(const Answer& answer) {
    const int status = answer.classified.http_status;
    const bool is_gone = status == 404 || status == 410;
    if (answer.ok() || is_gone) return synchronized(status);
    Conclusion refusal = conclude_failure(answer);
    const bool may_be_done = spec_.status_actions && !spec_.status_actions->deleted.empty();
    if (refusal.verdict != Verdict::rejected || !may_be_done) return refusal;
    refusal_ = std::move(refusal);
    stage_ = Stage::read_refused;
    return request_or_failure(make(*spec_.read, {}));
  }

  Step on_refused_delete(const Outcome& outcome) {
    const Answer answer = read_answer(*connection_, outcome, true);
    const std::optional<json::Value> record = answer.ok() ? find_record(maps_, answer) : std::nullopt;
    const bool is_deleted = record && present_state(spec_, maps_, *record) == spec_.status_actions->deleted;
    if (is_deleted) return synchronized(answer.classified.http_status);
    return std::move(refusal_);
  }

  // Changed there since it was read: the next attempt reads it again and merges.
  Conclusion conclude_write_failure(const Answer& answer) const {
    Conclusion conclusion = conclude_failure(answer);
    const int status = answer.classified.http_status;
    if (!maps_.lock.empty() && (status == 412 || status == 428)) conclusion.verdict = Verdict::retry;
    return conclusion;
  }

  Step on_acted(const Outcome& outcome) {
    const Answer answer = read_answer(*connection_, outcome, true);
    if (answer.ok()) {
      ++steps_done_;
      return next();
    }
    Conclusion conclusion = conclude_failure(answer);
    if (conclusion.error) {
      conclusion.error->message.insert(0, "status action " + (*way_)[steps_done_]->name + ": ");
    }
    return conclusion;
  }

  // Some systems answer that all went well and change nothing.
  Step on_read_back(const Outcome& outcome) const {
    const Answer answer = read_answer(*connection_, outcome, true);
    if (!answer.ok()) return conclude_failure(answer);
    Conclusion conclusion = conclude_done(answer);
    const std::string present = conclusion.record ? present_state(spec_, maps_, *conclusion.record) : wanted_;
    if (present == wanted_) return conclusion;
    conclusion.verdict = Verdict::rejected;
    conclusion.error = Error{ErrorClass::conflict,
                             "the provider took the change to " + wanted_ + ", but the record is " +
                                 (present.empty() ? "in no known status" : present),
                             {},
                             "Look at the record there; cmms.retry sends the change again."};
    return conclusion;
  }

  Conclusion conclude_done(const Answer& answer) const {
    Conclusion conclusion = synchronized(answer.classified.http_status);
    conclusion.answer = answer.document;
    const std::optional<json::Value> record = find_record(maps_, answer);
    if (record && provider::record_id(maps_, *record) == input_.source_record_id) conclusion.record = record;
    return conclusion;
  }

  Conclusion without_way() const {
    Conclusion conclusion;
    conclusion.verdict = Verdict::rejected;
    const std::string from = present_.empty() ? "its status, which is none of the known ones," : present_;
    conclusion.error =
        Error{ErrorClass::conflict,
              "provider \"" + connection_->provider_id + "\" has no way from " + from + " to " + wanted_,
              "The other fields of the change are written.",
              "Change the status at the provider, or set it here to one that can be reached."};
    return conclusion;
  }

  Conclusion overtaken(const Answer& answer, const json::Value& record) const {
    Conclusion conclusion;
    conclusion.verdict = Verdict::overtaken;
    conclusion.source_record_id = input_.source_record_id;
    conclusion.answer = answer.document;
    conclusion.record = record;
    conclusion.http_status = answer.classified.http_status;
    return conclusion;
  }

  json::Value sent_values(std::string_view field) const {
    if (input_.sent_values == nullptr) return {};
    return input_.sent_values->root().member(field).value_or(json::Value());
  }

  // An earlier attempt may have written another value of ours, or gone a part of the way to a status.
  bool is_own(const mapping::MappedField& field, const json::Value& record) const {
    const json::Value sent = sent_values(field.target);
    if (field.target == status_column && !wanted_.empty() &&
        is_own_status(*connection_, input_.resource, input_.record->root(), sent, record)) {
      return true;
    }
    bool is_sent = false;
    sent.each_member([&](std::string_view, const json::Value& value) {
      is_sent = json::Field::from(value) == field.value;
      return !is_sent;
    });
    return is_sent;
  }

  // Whether the provider has a value of its own for a field that is about to be written.
  bool has_changed(const json::Value& record) const {
    const json::Value ours = input_.record->root();
    const json::Value said_last = *ours.member("source_fields");
    const mapping::Mapped mapped = provider::to_inbound(*connection_, input_.resource, record).mapped;
    return std::any_of(mapped.fields.begin(), mapped.fields.end(), [&](const mapping::MappedField& field) {
      if (!contains(input_.changed_fields, field.target)) return false;
      if (is_own(field, record)) return false;
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
    return input_.operation == PushOperation::remove ? synchronized(0) : conclude_without_id(*connection_);
  }

  Conclusion unsupported(const OperationSpec& operation) const {
    Conclusion conclusion;
    conclusion.verdict = Verdict::rejected;
    conclusion.error = Error{ErrorClass::validation, operation.unsupported, {}, {}};
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
    if (spec_.create->is_accepted) {
      conclusion.verdict = Verdict::accepted;
      return conclusion;
    }
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
  Stage stage_ = Stage::write;
  std::optional<Request> write_;  // the update of the fields, while the record is being read first
  std::string version_;           // of the record as it was read
  std::string wanted_;            // the state to walk to; empty: the status does not change
  std::string present_;
  std::optional<std::vector<const provider::StatusAction*>> way_;
  std::size_t steps_done_ = 0;
  bool is_read_again_ = false;
  Conclusion refusal_;  // of a delete, while the record is being read
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
