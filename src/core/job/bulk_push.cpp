// Bulk pushes: one request, and its answer taken apart for each record.
#include "core/job/bulk_push.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "core/exchange/ascii.hpp"
#include "core/job/answer.hpp"
#include "core/job/bulk_refusal.hpp"
#include "core/job/outgoing.hpp"
#include "core/provider/request.hpp"

namespace cmms::job {
namespace {

using provider::BulkWrite;
using provider::Connection;

constexpr int most_refusals_in_a_row = 64;
constexpr int http_conflict = 409;
constexpr int http_accepted = 202;

// A refusal of the request that may be one item's fault.
bool may_be_divided(const Answer& answer) {
  const int status = answer.classified.http_status;
  return answer.classified.disposition == Disposition::rejected &&
         (status == 400 || status == 413 || status == 422);
}

std::string first_text(const std::vector<path::Path>& paths, const json::Value& document) {
  for (const path::Path& path : paths) {
    const std::optional<json::Field> field = path.field(document);
    if (field && !field->is_null() && !field->text.empty()) return field->text;
  }
  return {};
}

class BulkPushJob : public BulkPush {
 public:
  BulkPushJob(std::shared_ptr<const Connection> connection, PushOperation operation, BulkGroup group)
      : connection_(std::move(connection)), operation_(operation), trace_(std::move(group.trace)) {
    if (trace_ == nullptr) trace_ = std::make_shared<BulkTrace>();
    waiting_ = std::move(group.members);
  }

  Status prepare(const std::vector<const BulkWrite*>& writes) {
    std::size_t first = writes.size();
    for (const BulkMember& member : waiting_) first = std::min(first, member.items.front().write);
    if (first >= writes.size()) return Error{ErrorClass::configuration, "there is nothing to send", {}, {}};
    write_ = writes[first];
    std::vector<BulkMember> later;
    std::string body = "[";
    for (BulkMember& member : waiting_) {
      const std::string& json = member.items.front().json;
      const bool has_room = members_.empty() || (members_.size() < write_->max_items &&
                                                 body.size() + json.size() + 2 <= write_->max_bytes);
      if (member.items.front().write != first || !has_room) {
        later.push_back(std::move(member));
        continue;
      }
      if (!members_.empty()) body += ',';
      body += json;
      members_.push_back(std::move(member));
    }
    waiting_ = std::move(later);
    body += ']';
    return make_request(std::move(body));
  }

  std::size_t size() const override { return members_.size(); }
  std::string_view write_name() const override { return write_->name; }
  std::vector<BulkEnd> take_ended() override { return std::move(ended_); }
  std::vector<BulkGroup> take_groups() override { return std::move(groups_); }

  Step start() override { return std::move(request_); }
  Step on_recorded() override { return Conclusion{}; }

  Step on_outcome(const Outcome& outcome) override {
    const Answer answer = read_answer(*connection_, outcome, is_repeatable());
    Conclusion whole = answer.ok() ? success(answer.classified.http_status) : conclude_failure(answer);
    if (answer.ok()) {
      on_success(answer, whole);
    } else if (may_be_divided(answer)) {
      on_refusal(outcome.response, whole);
    } else {
      for (BulkMember& member : members_) end(member, whole);
    }
    if (!waiting_.empty()) groups_.push_back({std::move(waiting_), trace_});
    return whole;
  }

 private:
  Status make_request(std::string array) {
    Result<std::string> body = in_envelope(*connection_, *write_->operation, std::move(array));
    if (!body) return std::move(body).error();
    Result<Request> request =
        provider::make_request(*connection_, *write_->operation, {}, {}, std::move(body).value());
    if (!request) return std::move(request).error();
    request_ = std::move(request).value();
    request_.idempotent = is_repeatable();
    return Nothing{};
  }

  // Updates set fixed values, whatever the method is called.
  bool is_repeatable() const { return operation_ != PushOperation::create || write_->operation->repeatable; }

  static Conclusion success(int http_status) {
    Conclusion conclusion;
    conclusion.verdict = http_status == http_accepted ? Verdict::accepted : Verdict::synchronized;
    conclusion.http_status = http_status;
    return conclusion;
  }

  void end(BulkMember& member, Conclusion conclusion) {
    ended_.push_back({member.position, std::move(conclusion), std::move(member.items.front().json)});
  }

  // The item is done; further ones of its record go out together with the members that wait.
  void go_on(BulkMember& member, const Conclusion& whole, std::string id) {
    if (id.empty()) id = std::move(member.items.front().id);
    if (!id.empty()) member.source_record_id = std::move(id);
    if (member.items.size() > 1) {
      member.items.erase(member.items.begin());
      waiting_.push_back(std::move(member));
      return;
    }
    Conclusion conclusion = success(whole.http_status);
    conclusion.source_record_id = member.source_record_id;
    // A create without an id cannot be repeated, whatever the status says.
    if (conclusion.source_record_id.empty()) conclusion.verdict = Verdict::accepted;
    end(member, std::move(conclusion));
  }

  void on_success(const Answer& answer, const Conclusion& whole) {
    trace_->refusals_in_a_row = 0;
    const std::optional<json::Value> results = find_results(answer);
    if (!results) {
      for (BulkMember& member : members_) go_on(member, whole, {});
      return;
    }
    std::map<std::string, json::Value, std::less<>> by_id;
    const bool is_in_order = results->size() == members_.size();
    for (std::size_t i = 0; !is_in_order && i < results->size(); ++i) {
      by_id.emplace(first_text(write_->id, *results->element(i)), *results->element(i));
    }
    for (std::size_t i = 0; i < members_.size(); ++i) {
      std::optional<json::Value> result;
      if (is_in_order) {
        result = results->element(i);
      } else if (const auto found = by_id.find(members_[i].source_record_id);
                 found != by_id.end() && !members_[i].source_record_id.empty()) {
        result = found->second;
      }
      on_result(members_[i], result, whole);
    }
  }

  std::optional<json::Value> find_results(const Answer& answer) const {
    if (answer.document == nullptr) return std::nullopt;
    for (const path::Path& path : write_->results) {
      const std::optional<json::Value> value = path.first_value(answer.document->root());
      if (value && value->is_array()) return value;
    }
    return std::nullopt;
  }

  // The answer to one item is read as if it were that of a request of its own.
  void on_result(BulkMember& member, const std::optional<json::Value>& result, const Conclusion& whole) {
    Outcome outcome;
    outcome.delivery = Delivery::unknown;
    outcome.error = "the answer says nothing of this item";
    if (result) {
      const auto status = ascii::parse_digits(first_text(write_->status, *result));
      outcome.response.status = static_cast<int>(std::min<std::int64_t>(status.value_or(0), 999));
      if (status) outcome.delivery = Delivery::answered;
    }
    Answer answer{classify(outcome, is_repeatable(), {}), nullptr};
    if (answer.ok()) {
      Conclusion done = whole;
      done.http_status = answer.classified.http_status;
      return go_on(member, done, operation_ == PushOperation::create ? first_text(write_->id, *result) : "");
    }
    Conclusion conclusion = conclude_failure(answer);
    // Somebody else is at the item now.
    if (conclusion.http_status == http_conflict) conclusion.verdict = Verdict::retry;
    conclusion.provider_wide = false;
    if (result) {
      const std::string message = first_text(write_->message, *result);
      if (!message.empty()) conclusion.error->message.append(": ").append(message);
      for (const path::Path& path : write_->errors) {
        const std::optional<json::Field> errors = path.field(*result);
        if (conclusion.error_fields.empty() && errors) conclusion.error_fields = errors->to_json();
      }
    }
    end(member, std::move(conclusion));
  }

  // Of a refused request nothing was done. Items that the answer names are given up and the others sent
  // again; where it names none, the halves show which it means.
  void on_refusal(const Response& response, const Conclusion& whole) {
    ++trace_->refusals_in_a_row;
    if (members_.size() == 1) return end(members_.front(), whole);
    const ItemErrors named = read_item_errors(response.body, write_->error_index, members_.size());
    if (named.empty() && trace_->refusals_in_a_row >= most_refusals_in_a_row) return give_up_for_now(whole);
    if (named.empty()) return divide();
    BulkGroup others{{}, trace_};
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const auto error = named.find(i);
      if (error == named.end()) {
        others.members.push_back(std::move(members_[i]));
        continue;
      }
      Conclusion conclusion = whole;
      conclusion.error->message.append(": ").append(error->second.message);
      conclusion.error_fields = error->second.fields;
      end(members_[i], std::move(conclusion));
    }
    take_waiting_along(others);
  }

  void divide() {
    const auto middle = members_.begin() + static_cast<std::ptrdiff_t>(members_.size() / 2);
    BulkGroup first{{std::make_move_iterator(members_.begin()), std::make_move_iterator(middle)}, trace_};
    BulkGroup second{{std::make_move_iterator(middle), std::make_move_iterator(members_.end())}, trace_};
    take_waiting_along(first);
    groups_.push_back(std::move(second));
  }

  // What comes later goes out with a group of this write, not before it.
  void take_waiting_along(BulkGroup& group) {
    if (group.members.empty()) return;
    std::move(waiting_.begin(), waiting_.end(), std::back_inserter(group.members));
    waiting_.clear();
    groups_.push_back(std::move(group));
  }

  void give_up_for_now(const Conclusion& whole) {
    Conclusion conclusion = whole;
    conclusion.verdict = Verdict::retry;
    conclusion.error->detail = "The provider refused " + std::to_string(trace_->refusals_in_a_row) +
                               " bulk requests in a row without naming items.";
    for (BulkMember& member : members_) end(member, conclusion);
  }

  std::shared_ptr<const Connection> connection_;
  PushOperation operation_;
  std::shared_ptr<BulkTrace> trace_;
  const BulkWrite* write_ = nullptr;  // lives as long as the connection
  Request request_;
  std::vector<BulkMember> members_;  // in the order of the request's items
  std::vector<BulkMember> waiting_;
  std::vector<BulkEnd> ended_;
  std::vector<BulkGroup> groups_;
};

}  // namespace

Result<std::unique_ptr<BulkPush>> make_bulk_push(std::shared_ptr<const Connection> connection,
                                                 std::string_view resource, PushOperation operation,
                                                 BulkGroup group) {
  const provider::ResourceMaps* maps = connection->maps(resource);
  if (maps == nullptr) return no_operation_error(*connection, push_operation_name(operation), resource);
  const std::vector<const BulkWrite*> writes = bulk_writes(*maps, operation);
  auto job = std::make_unique<BulkPushJob>(std::move(connection), operation, std::move(group));
  if (Status status = job->prepare(writes); !status) return std::move(status).error();
  return std::unique_ptr<BulkPush>(std::move(job));
}

}  // namespace cmms::job
