// Pushes to a provider that changes a status by calls of its own: what is read, written and called, and what
// is concluded, step by step.
#include "core/job/status_walk.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/job/push.hpp"
#include "provider_fixture.hpp"

namespace cmms::job {
namespace {

using test::answered;
using test::conclusion_of;
using test::failed;
using test::header_of;
using test::request_of;
using test::shared;

std::string descriptor_text() {
  std::ifstream file(CMMS_SOURCE_DIR "/test/provider/status.json");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::shared_ptr<const provider::Connection> connection_with(const std::string& lock = "any") {
  Result<provider::Descriptor> parsed = provider::parse_descriptor(descriptor_text());
  if (!parsed) {
    ADD_FAILURE() << parsed.error().message;
    return nullptr;
  }
  provider::ConnectionInput input;
  input.provider_id = "pm";
  input.descriptor = std::make_shared<const provider::Descriptor>(std::move(parsed).value());
  input.options = {{"base_url", "https://pm.test"}, {"lock", lock}};
  return test::connect(std::move(input));
}

// Our order, of which the provider said last that it is in `said` and called "old".
std::string order(std::string_view status, std::string_view said = "CRTD MANC",
                  std::string_view was = "requested") {
  return R"({"title":"new","common_status":")" + std::string(status) +
         R"(","source_fields":{"title":"old","source_status":")" + std::string(said) +
         R"(","common_status":")" + std::string(was) + R"("},"source_doc":{"id":"O'7","state":")" +
         std::string(said) + "\"}}";
}

Outcome record(std::string_view state, std::string_view text = "old", std::vector<Header> headers = {}) {
  return answered(200,
                  R"({"d":{"id":"O'7","text":")" + std::string(text) + R"(","state":")" + std::string(state) +
                      R"(","__metadata":{"etag":"W/1"}}})",
                  std::move(headers));
}

std::unique_ptr<Job> update(std::string_view our_order, std::vector<std::string> changed,
                            const std::string& lock = "any") {
  PushInput input;
  input.operation = PushOperation::update;
  input.record = shared(our_order);
  input.changed_fields = std::move(changed);
  input.source_record_id = "O'7";
  auto job = make_push(connection_with(lock), std::move(input));
  if (!job) {
    ADD_FAILURE() << job.error().message;
    return nullptr;
  }
  return std::move(job).value();
}

std::string called(const Step& step) {
  return request_of(step).method + " " + request_of(step).url.substr(15);
}

TEST(StatusWalk, TakesTheFewestActionsAndReadsTheOrderAfterThem) {
  const auto job = update(order("closed"), {"common_status"});
  Step step = job->start();
  EXPECT_EQ(called(step), "GET /orders('O%27%277')");
  step = job->on_outcome(record("CRTD MANC NMAT"));
  EXPECT_EQ(called(step), "POST /Release?id=%27O%27%277%27");
  EXPECT_EQ(header_of(request_of(step), "Content-Type"), "application/json");
  EXPECT_TRUE(request_of(step).body.empty());
  EXPECT_FALSE(request_of(step).idempotent);  // or the transport would repeat it by itself
  step = job->on_outcome(answered(200, R"({"d":{"Release":{"IsInvalid":false}}})"));
  EXPECT_TRUE(called(step).starts_with("POST /Complete?id=%27O%27%277%27&at=datetimeoffset%272"))
      << called(step);
  EXPECT_EQ(called(job->on_outcome(answered(200, "{}"))), "POST /Close");
  EXPECT_EQ(called(job->on_outcome(answered(204, ""))), "GET /orders('O%27%277')");
  const Conclusion done = conclusion_of(job->on_outcome(record("CLSD SETC")));
  EXPECT_EQ(done.verdict, Verdict::synchronized);
  ASSERT_TRUE(done.record);
  EXPECT_EQ(done.record->member("state")->string(), "CLSD SETC");
}

TEST(StatusWalk, WritesTheOtherFieldsFirst) {
  const auto job = update(order("approved"), {"title", "common_status"});
  job->start();
  const Step write = job->on_outcome(record("CRTD"));
  EXPECT_EQ(called(write), "MERGE /orders('O%27%277')");
  EXPECT_EQ(request_of(write).body, R"({"text":"new"})");
  EXPECT_EQ(header_of(request_of(write), "If-Match"), "W/1");
  EXPECT_TRUE(called(job->on_outcome(answered(204, ""))).starts_with("POST /Release"));
}

TEST(StatusWalk, WritesTheOtherFieldsOnTheWayOutOfAStatusThatKeepsThem) {
  const auto job = update(order("assigned", "CLSD", "closed"), {"title", "common_status"});
  job->start();
  EXPECT_EQ(called(job->on_outcome(record("CLSD"))), "POST /Open");
  Step step = job->on_outcome(answered(200, "{}"));
  EXPECT_EQ(called(step), "GET /orders('O%27%277')");
  step = job->on_outcome(record("TECO", "old", {{"etag", "W/2"}}));
  EXPECT_EQ(called(step), "MERGE /orders('O%27%277')");
  EXPECT_EQ(header_of(request_of(step), "If-Match"), "W/2");
  EXPECT_EQ(called(job->on_outcome(answered(204, ""))), "POST /Reset");
  EXPECT_EQ(called(job->on_outcome(answered(200, "{}"))), "GET /orders('O%27%277')");
  EXPECT_EQ(conclusion_of(job->on_outcome(record("REL", "new"))).verdict, Verdict::synchronized);
}

// Of an attempt whose last answer was lost.
TEST(StatusWalk, WritesNothingAgainThatAClosedRecordShowsAlready) {
  const auto job = update(order("closed", "TECO", "completed"), {"title", "common_status"});
  job->start();
  EXPECT_EQ(conclusion_of(job->on_outcome(record("CLSD", "new"))).verdict, Verdict::synchronized);
}

TEST(StatusWalk, LetsTheProviderRefuseAChangeOfAClosedRecord) {
  const auto job = update(order("closed", "TECO", "completed"), {"title", "common_status"});
  job->start();
  EXPECT_EQ(called(job->on_outcome(record("CLSD", "old"))), "MERGE /orders('O%27%277')");
}

// What a poll shows while a later change of ours waits.
TEST(OwnStatus, LiesOnTheWayToOursOrToOneThatWasSentBefore) {
  const auto connection = connection_with();
  const auto is_own = [&](std::string_view ours, std::string_view sent, std::string_view shown) {
    const auto our_record = shared(ours);
    const auto sent_values = shared(sent);
    const auto shown_record = shared(R"({"state":")" + std::string(shown) + "\"}");
    return is_own_status(*connection, "work_order", our_record->root(), sent_values->root(),
                         shown_record->root());
  };
  EXPECT_TRUE(is_own(order("completed"), "null", "REL"));
  EXPECT_TRUE(is_own(order("completed"), "null", "TECO"));
  EXPECT_FALSE(is_own(order("completed"), "null", "CLSD"));
  EXPECT_FALSE(is_own(order("completed"), "null", "DLFL"));
  EXPECT_TRUE(is_own(order("assigned"), R"({"3":"completed"})", "TECO"));
  EXPECT_FALSE(is_own(order("assigned"), R"({"3":"completed"})", "CLSD"));
  // Nothing was said yet: it was made in the first status.
  EXPECT_TRUE(is_own(R"({"common_status":"completed"})", "null", "CRTD"));
  EXPECT_FALSE(is_own(order("completed"), "null", "CRTD"));
}

TEST(OwnStatus, AnEarlierValueOfOursIsNotTheProvidersChange) {
  for (const bool is_known : {true, false}) {
    PushInput input;
    input.operation = PushOperation::update;
    input.record = shared(order("requested"));
    input.changed_fields = {"title"};
    input.source_record_id = "O'7";
    if (is_known) input.sent_values = shared(R"({"title":{"2":"between"}})");
    auto job = make_push(connection_with(), std::move(input));
    ASSERT_TRUE(job);
    job.value()->start();
    const Step step = job.value()->on_outcome(record("CRTD MANC", "between"));
    if (is_known) {
      EXPECT_EQ(called(step), "MERGE /orders('O%27%277')");
    } else {
      EXPECT_EQ(conclusion_of(step).verdict, Verdict::overtaken);
    }
  }
}

TEST(StatusWalk, GoesBackToo) {
  const auto job = update(order("assigned", "CLSD", "closed"), {"common_status"});
  job->start();
  EXPECT_EQ(called(job->on_outcome(record("CLSD"))), "POST /Open");
  EXPECT_EQ(called(job->on_outcome(answered(204, ""))), "POST /Reset");
}

TEST(StatusWalk, CallsNothingWhereTheOrderIsThereAlready) {
  const auto job = update(order("assigned", "REL", "approved"), {"common_status"});
  job->start();
  const Conclusion done = conclusion_of(job->on_outcome(record("REL CNF PRC")));
  EXPECT_EQ(done.verdict, Verdict::synchronized);
  EXPECT_TRUE(done.record);
}

TEST(StatusWalk, GoesOnFromWhereALostAnswerLeftTheOrder) {
  const auto first = update(order("closed"), {"common_status"});
  first->start();
  first->on_outcome(record("CRTD"));
  EXPECT_EQ(conclusion_of(first->on_outcome(failed(Delivery::unknown))).verdict, Verdict::retry);
  // The action was carried out all the same: that is no change of somebody else's.
  const auto second = update(order("closed"), {"common_status"});
  second->start();
  EXPECT_TRUE(called(second->on_outcome(record("REL"))).starts_with("POST /Complete"));
}

TEST(StatusWalk, LeavesAStatusOffTheWayToBeDecided) {
  const auto job = update(order("approved"), {"common_status"});
  job->start();
  EXPECT_EQ(conclusion_of(job->on_outcome(record("CLSD"))).verdict, Verdict::overtaken);
}

TEST(StatusWalk, RefusesWhatNoWayLeadsTo) {
  const auto job = update(order("cancelled", "REL", "approved"), {"title", "common_status"});
  job->start();
  EXPECT_EQ(called(job->on_outcome(record("REL"))), "MERGE /orders('O%27%277')");
  const Conclusion refused = conclusion_of(job->on_outcome(answered(204, "")));
  EXPECT_EQ(refused.verdict, Verdict::rejected);
  EXPECT_EQ(refused.error->message, "provider \"pm\" has no way from REL to DLFL");
}

TEST(StatusWalk, HoldsAStatusWithoutAMapping) {
  const Conclusion held = conclusion_of(update(order("on_hold"), {"common_status"})->start());
  EXPECT_EQ(held.verdict, Verdict::held);
  EXPECT_EQ(held.error->error_class, ErrorClass::unmapped_value);
}

TEST(StatusWalk, SaysWhichActionWasRefused) {
  const auto job = update(order("approved"), {"common_status"});
  job->start();
  job->on_outcome(record("CRTD"));
  const Conclusion refused = conclusion_of(job->on_outcome(answered(400, "")));
  EXPECT_EQ(refused.verdict, Verdict::rejected);
  EXPECT_EQ(refused.error->message, "status action release: provider answered 400 Bad Request");
}

TEST(StatusWalk, BelievesTheOrderAndNotTheAnswer) {
  const auto job = update(order("approved"), {"common_status"});
  job->start();
  job->on_outcome(record("CRTD"));
  job->on_outcome(answered(200, "{}"));
  EXPECT_EQ(conclusion_of(job->on_outcome(record("CRTD"))).verdict, Verdict::rejected);
}

TEST(StatusWalk, FollowsACreateUnlessItsStatusIsTheFirst) {
  const auto connection = connection_with();
  const auto follows = [&](std::string_view text) {
    const auto document = shared(text);
    return status_follows(*connection, "work_order", document->root());
  };
  EXPECT_FALSE(follows(R"({"common_status":"requested"})"));
  EXPECT_TRUE(follows(R"({"common_status":"completed"})"));
  EXPECT_TRUE(follows(R"({"common_status":"on_hold"})"));  // to be held then, not forgotten
}

TEST(StatusWalk, PreviewsTheActions) {
  PushInput input;
  input.operation = PushOperation::update;
  input.record = shared(order("completed"));
  input.changed_fields = {"common_status"};
  input.source_record_id = "O'7";
  const auto preview = preview_push(connection_with(), std::move(input));
  ASSERT_TRUE(preview.ok());
  EXPECT_EQ(preview.value().follows, "release, complete");
}

TEST(Lock, SendsTheVersionThatWasRead) {
  const auto if_match = [](const std::string& lock, const Outcome& read) {
    const auto job = update(order("requested"), {"title"}, lock);
    job->start();
    return header_of(request_of(job->on_outcome(read)), "If-Match");
  };
  const Outcome bare = answered(200, R"({"d":{"id":"O'7","text":"old","state":"CRTD"}})");
  EXPECT_EQ(if_match("any", record("CRTD", "old", {{"ETag", "W/2"}})), "W/2");
  EXPECT_EQ(if_match("etag", record("CRTD")), "W/1");
  EXPECT_EQ(if_match("any", bare), "*");
  EXPECT_EQ(if_match("etag", bare), "<absent>");
  EXPECT_EQ(if_match("none", record("CRTD")), "<absent>");
}

TEST(Lock, ReadsAgainWhatChangedInBetween) {
  for (const int status : {412, 428}) {
    const auto job = update(order("requested"), {"title"});
    job->start();
    job->on_outcome(record("CRTD"));
    EXPECT_EQ(conclusion_of(job->on_outcome(answered(status, ""))).verdict, Verdict::retry) << status;
  }
  const auto unlocked = update(order("requested"), {"title"}, "none");
  unlocked->start();
  unlocked->on_outcome(record("CRTD"));
  EXPECT_EQ(conclusion_of(unlocked->on_outcome(answered(412, ""))).verdict, Verdict::rejected);
}

std::unique_ptr<Job> remove() {
  PushInput input;
  input.operation = PushOperation::remove;
  input.source_record_id = "O'7";
  return std::move(make_push(connection_with(), std::move(input))).value();
}

TEST(DeleteByAction, IsDoneOnce) {
  const auto job = remove();
  const Step step = job->start();
  EXPECT_EQ(called(step), "POST /SetDeleted?id=%27O%27%277%27");
  EXPECT_FALSE(request_of(step).idempotent);
  EXPECT_EQ(header_of(request_of(step), "Content-Type"), "application/json");
  EXPECT_EQ(conclusion_of(job->on_outcome(answered(200, "{}"))).verdict, Verdict::synchronized);
}

TEST(DeleteByAction, IsDoneWhereAnEarlierAttemptDidIt) {
  const auto again = remove();
  again->start();
  EXPECT_EQ(called(again->on_outcome(answered(400, R"({"error":"DLFL is active"})"))),
            "GET /orders('O%27%277')");
  EXPECT_EQ(conclusion_of(again->on_outcome(record("TECO DLFL"))).verdict, Verdict::synchronized);
  const auto refused = remove();
  refused->start();
  refused->on_outcome(answered(400, R"({"error":"REL is active"})"));
  const Conclusion conclusion = conclusion_of(refused->on_outcome(record("REL")));
  EXPECT_EQ(conclusion.verdict, Verdict::rejected);
  EXPECT_EQ(conclusion.http_status, 400);
}

Result<provider::Descriptor> spoilt(std::string_view what, std::string_view with) {
  std::string text = descriptor_text();
  text.replace(text.find(what), what.size(), with);
  return provider::parse_descriptor(text);
}

std::string error_of(const Result<provider::Descriptor>& result) {
  return result ? "<accepted>" : result.error().message;
}

TEST(StatusActions, AreCheckedWithTheDescriptor) {
  EXPECT_EQ(error_of(spoilt(R"("initial": "CRTD")", R"("initial": "NEW")")),
            "invalid descriptor at $.resources.work_order.status_actions.initial: is none of the states");
  EXPECT_EQ(error_of(spoilt(R"("deleted": "DLFL")", R"("deleted": "GONE")")),
            "invalid descriptor at $.resources.work_order.status_actions.deleted: is none of the states");
  EXPECT_EQ(error_of(spoilt(R"("from": "REL")", R"("from": "RELEASED")")),
            "invalid descriptor at $.resources.work_order.status_actions.actions[1].from: \"RELEASED\" is "
            "none of the "
            "states");
  EXPECT_EQ(error_of(spoilt(R"("body": "none")", R"("body": "empty")")),
            "invalid descriptor at $.resources.work_order.delete.body: must be none");
  EXPECT_EQ(error_of(spoilt(R"("lock": "{lock}")", R"("lock": "rowstamp")")),
            "invalid descriptor at $.resources.work_order.update.lock: must be etag, any or none");
}

TEST(Lock, NeedsARead) {
  const Result<provider::Descriptor> parsed =
      provider::parse_descriptor(R"({"type":"x","name":"X","resources":{"work_order":{"id":"$.id",)"
                                 R"("update":{"method":"PUT","path":"/o","lock":"etag"}}}})");
  EXPECT_EQ(error_of(parsed),
            "invalid descriptor at $.resources.work_order.update.lock: needs the operation \"read\"");
}

// Mobility Work: creates are taken and done later, tasks cannot be changed.
constexpr std::string_view taker = R"({
  "type": "taker", "name": "Taker",
  "resources": {"work_order": {
    "create": {"method": "POST", "path": "/tasks", "answer": "accepted"},
    "update": {"unsupported": "A task cannot be changed once it is created; change it there."},
    "id": "$.id",
    "reference": {"field": "metadata.pg_cmms", "form": "plain"},
    "fields": {"outbound": [{"target": "description", "source": "title"}, {"target": "metadata", "source": "metadata"}]}
  }}})";

std::unique_ptr<Job> to_taker(PushOperation operation, std::string_view our_order) {
  provider::ConnectionInput input;
  input.provider_id = "taker";
  input.descriptor =
      std::make_shared<const provider::Descriptor>(std::move(provider::parse_descriptor(taker)).value());
  input.options = {{"base_url", "https://mw.test"}};
  PushInput push;
  push.operation = operation;
  push.record = shared(our_order);
  push.changed_fields = {"title"};
  push.source_record_id = operation == PushOperation::create ? "" : "T1";
  push.reference = test::reference;
  return std::move(make_push(test::connect(std::move(input)), std::move(push))).value();
}

TEST(Accepted, IsWhatATakenCreateWithoutAnIdIs) {
  for (const Outcome& outcome : {answered(201, "null"), answered(202, ""), answered(200, "{}")}) {
    const auto job = to_taker(PushOperation::create, R"({"title":"T","metadata":{"line":4}})");
    const Step step = job->start();
    EXPECT_EQ(request_of(step).body,
              R"({"description":"T","metadata":{"line":4,"pg_cmms":")" + test::reference + "\"}}");
    EXPECT_EQ(conclusion_of(job->on_outcome(outcome)).verdict, Verdict::accepted);
  }
  const auto lost = to_taker(PushOperation::create, R"({"title":"T"})");
  lost->start();
  EXPECT_EQ(conclusion_of(lost->on_outcome(failed(Delivery::unknown))).verdict, Verdict::in_doubt);
}

TEST(Unsupported, IsRefusedWithTheProvidersReason) {
  const Conclusion refused = conclusion_of(to_taker(PushOperation::update, R"({"title":"T"})")->start());
  EXPECT_EQ(refused.verdict, Verdict::rejected);
  EXPECT_EQ(refused.error->message, "A task cannot be changed once it is created; change it there.");
}

}  // namespace
}  // namespace cmms::job
