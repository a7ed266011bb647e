// Pushes against scripted answers: what is sent, and what each answer means.
#include "core/job/push.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/job/companion.hpp"
#include "provider_fixture.hpp"

namespace cmms::job {
namespace {

using test::answered;
using test::clickmaint_input;
using test::conclusion_of;
using test::connect;
using test::custom_input;
using test::failed;
using test::header_of;
using test::mark;
using test::reference;
using test::request_of;
using test::shared;

constexpr std::string_view order =
    R"({"title": "Freezer 3 leaks", "description": "Water", "priority": "emergency",
  "common_status": "requested", "asset_ref": "AST-001", "location_ref": "122", "work_type": null,
  "sla_due_at": "2025-07-17T14:00:00+02:00", "completed_at": null, "assignees": ["bob"]})";

std::unique_ptr<Job> push(std::shared_ptr<const provider::Connection> connection, PushOperation operation,
                          std::string_view record, std::vector<std::string> changed = {},
                          std::string id = "") {
  PushInput input;
  input.operation = operation;
  if (!record.empty()) input.record = shared(record);
  input.changed_fields = std::move(changed);
  input.source_record_id = std::move(id);
  input.reference = reference;
  auto job = make_push(std::move(connection), std::move(input));
  if (!job) {
    ADD_FAILURE() << job.error().message;
    return nullptr;
  }
  return std::move(job).value();
}

Conclusion after(Job& job, const Outcome& outcome) {
  job.start();
  return conclusion_of(job.on_outcome(outcome));
}

TEST(PushCreate, SendsWhatTheDocumentSays) {
  const auto job = push(connect(clickmaint_input()), PushOperation::create, order);
  const Step step = job->start();
  const Request& request = request_of(step);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://cm.test/api/v1/work_orders");
  EXPECT_EQ(header_of(request, "Authorization"), "Bearer s3cret-key");
  EXPECT_EQ(header_of(request, "X-Entity-Id"), "12");
  EXPECT_EQ(header_of(request, "Accept"), "application/json");
  EXPECT_EQ(header_of(request, "Content-Type"), "application/json");
  EXPECT_FALSE(request.idempotent);
  EXPECT_EQ(request.body,
            R"({"work_order":{"title":"Freezer 3 leaks","type":"reactive","description":"Water\n\n)" + mark +
                R"(","priority":"high","due_date":"2025-07-17T12:00:00Z","location_id":122}})");
}

TEST(PushCreate, PutsTheReferenceIntoAnEmptyField) {
  const auto job =
      push(connect(clickmaint_input()), PushOperation::create, R"({"title": "T", "description": null})");
  const Step step = job->start();
  EXPECT_EQ(request_of(step).body,
            R"({"work_order":{"title":"T","type":"reactive","description":")" + mark + "\"}}");
}

TEST(PushCreate, PutsTheReferenceIntoTheTitleOrNowhere) {
  auto input = clickmaint_input();
  input.options.insert_or_assign("reference_field", "title");
  const Step step = push(connect(std::move(input)), PushOperation::create, R"({"title": "T"})")->start();
  EXPECT_EQ(request_of(step).body, R"({"work_order":{"title":"T )" + mark + R"(","type":"reactive"}})");
  auto none = clickmaint_input();
  none.options.insert_or_assign("reference_field", "none");
  const Step bare = push(connect(std::move(none)), PushOperation::create, R"({"title": "T"})")->start();
  EXPECT_EQ(request_of(bare).body, R"({"work_order":{"title":"T","type":"reactive"}})");
}

TEST(PushCreate, ReadsTheIdFromTheAnswer) {
  const auto job = push(connect(clickmaint_input()), PushOperation::create, order);
  const Conclusion done = after(
      *job,
      answered(201,
               R"({"status":"success","data":{"id":1126,"title":"x","updated_at":"2025-09-24T14:20:25Z"}})"));
  EXPECT_EQ(done.verdict, Verdict::synchronized);
  EXPECT_EQ(done.source_record_id, "1126");
  EXPECT_EQ(done.http_status, 201);
  ASSERT_TRUE(done.record);
  EXPECT_EQ(done.record->member("title")->string(), "x");
  EXPECT_FALSE(done.error);
}

TEST(PushCreate, IsInDoubtWhenTheProviderMayHaveDoneIt) {
  const auto connection = connect(clickmaint_input());
  for (const Outcome& outcome :
       {answered(201, ""), answered(200, "{\"data\":{}}"), answered(200, "<html>"), answered(200, "null"),
        answered(201, R"({"data":{"id":null}})"), answered(500, ""), answered(408, ""), answered(502, "bad"),
        failed(Delivery::unknown)}) {
    const auto job = push(connection, PushOperation::create, order);
    const Conclusion conclusion = after(*job, outcome);
    EXPECT_EQ(conclusion.verdict, Verdict::in_doubt) << outcome.response.status << outcome.response.body;
    EXPECT_TRUE(conclusion.error);
  }
}

TEST(PushCreate, RetriesWhatWasCertainlyNotDone) {
  const auto connection = connect(clickmaint_input());
  EXPECT_EQ(after(*push(connection, PushOperation::create, order), failed(Delivery::not_sent)).verdict,
            Verdict::retry);
  const Conclusion limited =
      after(*push(connection, PushOperation::create, order), answered(429, "", {{"Retry-After", "7"}}));
  EXPECT_EQ(limited.verdict, Verdict::retry);
  EXPECT_TRUE(limited.provider_wide);
  EXPECT_EQ(limited.retry_after, std::chrono::seconds(7));
  const Conclusion refused = after(*push(connection, PushOperation::create, order),
                                   answered(401, R"({"message":"Invalid API key"})"));
  EXPECT_EQ(refused.verdict, Verdict::retry);
  EXPECT_EQ(refused.error->error_class, ErrorClass::authentication);
}

TEST(PushCreate, KeepsTheProvidersFieldErrors) {
  const Conclusion rejected =
      after(*push(connect(clickmaint_input()), PushOperation::create, order),
            answered(422, R"({"status":"error","message":"Invalid","errors":{"title":["long"]}})"));
  EXPECT_EQ(rejected.verdict, Verdict::rejected);
  EXPECT_EQ(rejected.error->error_class, ErrorClass::validation);
  EXPECT_EQ(rejected.error_fields, R"({"title":["long"]})");
  const Conclusion inside = after(*push(connect(clickmaint_input()), PushOperation::create, order),
                                  answered(200, R"({"status":"error","message":"No such asset"})"));
  EXPECT_EQ(inside.verdict, Verdict::rejected);
  EXPECT_NE(inside.error->message.find("No such asset"), std::string::npos);
}

TEST(PushCreate, HoldsWhatCannotBeMapped) {
  const auto unknown = push(connect(clickmaint_input()), PushOperation::create,
                            R"({"title": "T", "common_status": "in_progress"})");
  const Conclusion held = conclusion_of(unknown->start());
  EXPECT_EQ(held.verdict, Verdict::held);
  EXPECT_EQ(held.error->error_class, ErrorClass::unmapped_value);
  EXPECT_NE(held.error_fields.find("\"kind\":\"unmapped_value\""), std::string::npos);
  EXPECT_NE(held.error_fields.find("\"vocabulary\":\"status\""), std::string::npos);
  EXPECT_NE(held.error_fields.find("\"value\":\"in_progress\""), std::string::npos);
  const Conclusion untitled =
      conclusion_of(push(connect(clickmaint_input()), PushOperation::create, R"({"title": ""})")->start());
  EXPECT_EQ(untitled.verdict, Verdict::held);
  EXPECT_EQ(untitled.error->error_class, ErrorClass::validation);
}

TEST(PushCreate, WritesALearntStatusById) {
  auto input = clickmaint_input();
  input.learnt_values = {{"status", "5", "In Progress"}, {"status", "7", "Waiting"}};
  const Step step =
      push(connect(input), PushOperation::create, R"({"title": "T", "common_status": "in_progress"})")
          ->start();
  EXPECT_NE(request_of(step).body.find("\"status_id\":5"), std::string::npos);
}

TEST(PushUpdate, SendsOnlyWhatChanged) {
  const auto connection = connect(clickmaint_input());
  const auto job = push(connection, PushOperation::update, order, {"priority", "work_type"}, "17");
  const Step step = job->start();
  const Request& request = request_of(step);
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.url, "https://cm.test/api/v1/work_orders/17");
  EXPECT_EQ(request.body, R"({"work_order":{"priority":"high"}})");
  EXPECT_TRUE(request.idempotent);
  const Conclusion done = conclusion_of(job->on_outcome(answered(200, R"({"data":{"id":17,"title":"x"}})")));
  EXPECT_EQ(done.verdict, Verdict::synchronized);
  EXPECT_EQ(done.source_record_id, "17");
  EXPECT_TRUE(done.record);
}

constexpr std::string_view known_order =
    R"({"title": "ours", "priority": "low", "source_fields": {"title": "theirs", "priority": "low"}})";

TEST(PushUpdate, ReadsTheRecordFirstAndThenWrites) {
  const auto connection = connect(clickmaint_input());
  for (const Outcome& harmless : {answered(200, R"({"data":{"id":17,"title":"theirs","priority":"high"}})"),
                                  answered(200, R"({"data":{"id":17,"title":"ours"}})"),
                                  answered(200, R"({"data":{"id":18,"title":"x"}})"), answered(200, "<html>"),
                                  answered(404, ""), answered(405, ""), answered(403, "")}) {
    const auto job = push(connection, PushOperation::update, known_order, {"title"}, "17");
    const Step first = job->start();
    EXPECT_EQ(request_of(first).method, "GET");
    EXPECT_EQ(request_of(first).url, "https://cm.test/api/v1/work_orders/17");
    EXPECT_TRUE(request_of(first).body.empty());
    const Step second = job->on_outcome(harmless);
    EXPECT_EQ(request_of(second).method, "PATCH") << harmless.response.body;
    EXPECT_EQ(request_of(second).body, R"({"work_order":{"title":"ours"}})");
    EXPECT_EQ(conclusion_of(job->on_outcome(answered(204, ""))).verdict, Verdict::synchronized);
  }
}

TEST(PushUpdate, LeavesAChangeOfTheProvidersToBeDecided) {
  const auto job =
      push(connect(clickmaint_input()), PushOperation::update, known_order, {"title", "priority"}, "17");
  job->start();
  const Conclusion overtaken =
      conclusion_of(job->on_outcome(answered(200, R"({"data":{"id":17,"title":"another"}})")));
  EXPECT_EQ(overtaken.verdict, Verdict::overtaken);
  ASSERT_TRUE(overtaken.record);
  EXPECT_EQ(overtaken.record->member("title")->string(), "another");
}

TEST(PushUpdate, DoesNotWriteWhileTheRecordCannotBeReadForNow) {
  const auto connection = connect(clickmaint_input());
  for (const Outcome& outcome :
       {answered(503, ""), answered(429, ""), failed(Delivery::unknown), failed(Delivery::not_sent)}) {
    const auto job = push(connection, PushOperation::update, known_order, {"title"}, "17");
    EXPECT_EQ(after(*job, outcome).verdict, Verdict::retry) << outcome.response.status;
  }
}

TEST(PushUpdate, ReadsNothingFirstWhereNobodyAsksForIt) {
  auto input = clickmaint_input();
  input.options.insert_or_assign("update_check", "none");
  const Step step =
      push(connect(std::move(input)), PushOperation::update, known_order, {"title"}, "17")->start();
  EXPECT_EQ(request_of(step).method, "PATCH");
  const Step custom =
      push(connect(custom_input()), PushOperation::update, known_order, {"title"}, "17")->start();
  EXPECT_EQ(request_of(custom).method, "PATCH");
}

TEST(PushUpdate, RepeatsTheReferenceWithItsField) {
  const auto connection = connect(clickmaint_input());
  const Step changed = push(connection, PushOperation::update, order, {"description"}, "17")->start();
  EXPECT_EQ(request_of(changed).body, R"({"work_order":{"description":"Water\n\n)" + mark + "\"}}");
  const Step cleared =
      push(connection, PushOperation::update, R"({"description": null})", {"description"}, "17")->start();
  EXPECT_EQ(request_of(cleared).body, R"({"work_order":{"description":")" + mark + "\"}}");
}

TEST(PushUpdate, ClearsAndOmits) {
  const auto connection = connect(clickmaint_input());
  const Step step =
      push(connection, PushOperation::update, order, {"completed_at", "asset_ref"}, "17")->start();
  EXPECT_EQ(request_of(step).body, R"({"work_order":{"completed_at":null}})");
}

TEST(PushUpdate, NeedsNoRequestWhenNothingMappedChanged) {
  const auto connection = connect(clickmaint_input());
  for (const char* field : {"requester", "work_type", "asset_ref"}) {
    const Conclusion done =
        conclusion_of(push(connection, PushOperation::update, order, {field}, "17")->start());
    EXPECT_EQ(done.verdict, Verdict::synchronized) << field;
    EXPECT_EQ(done.source_record_id, "17");
  }
}

TEST(PushUpdate, HoldsAStatusThatHasNoId) {
  const auto job = push(connect(clickmaint_input()), PushOperation::update,
                        R"({"common_status": "requested"})", {"common_status"}, "17");
  EXPECT_EQ(conclusion_of(job->start()).verdict, Verdict::held);
}

TEST(PushUpdate, IsRepeatedWhenItsOutcomeIsUnknown) {
  const auto connection = connect(clickmaint_input());
  for (const Outcome& outcome : {failed(Delivery::unknown), failed(Delivery::not_sent), answered(500, "")}) {
    EXPECT_EQ(after(*push(connection, PushOperation::update, order, {"title"}, "17"), outcome).verdict,
              Verdict::retry);
  }
  EXPECT_EQ(
      after(*push(connection, PushOperation::update, order, {"title"}, "17"), answered(204, "")).verdict,
      Verdict::synchronized);
  const Conclusion gone =
      after(*push(connection, PushOperation::update, order, {"title"}, "17"), answered(404, ""));
  EXPECT_EQ(gone.verdict, Verdict::rejected);
  EXPECT_EQ(gone.error->error_class, ErrorClass::identity);
}

TEST(PushUpdate, KeepsAHostileIdInsideThePath) {
  const auto connection = connect(clickmaint_input());
  const Step step = push(connection, PushOperation::update, order, {"title"}, "../a?b#c")->start();
  EXPECT_EQ(request_of(step).url, "https://cm.test/api/v1/work_orders/..%2Fa%3Fb%23c");
  PushInput input;
  input.operation = PushOperation::remove;
  input.source_record_id = "..";
  EXPECT_FALSE(make_push(connection, input).ok());
}

TEST(PushDelete, IsDoneWhenTheRecordIsGone) {
  const auto connection = connect(clickmaint_input());
  const auto job = push(connection, PushOperation::remove, "", {}, "17");
  const Step step = job->start();
  EXPECT_EQ(request_of(step).method, "DELETE");
  EXPECT_EQ(request_of(step).body, "");
  EXPECT_EQ(conclusion_of(job->on_outcome(answered(404, ""))).verdict, Verdict::synchronized);
  EXPECT_EQ(after(*push(connection, PushOperation::remove, "", {}, "17"), answered(204, "")).verdict,
            Verdict::synchronized);
  EXPECT_EQ(after(*push(connection, PushOperation::remove, "", {}, "17"), failed(Delivery::unknown)).verdict,
            Verdict::retry);
  EXPECT_EQ(after(*push(connection, PushOperation::remove, "", {}, "17"),
                  answered(200, R"({"status":"error","message":"Invalid API key"})"))
                .verdict,
            Verdict::rejected);
  EXPECT_EQ(conclusion_of(push(connection, PushOperation::remove, "", {}, "")->start()).verdict,
            Verdict::synchronized);
}

TEST(PushCustom, SendsBareIdentityFieldsByDefault) {
  const Step step = push(connect(custom_input()), PushOperation::create,
                         R"({"title": "T", "common_status": "in_progress", "priority": "low"})")
                        ->start();
  const Request& request = request_of(step);
  EXPECT_EQ(request.url, "https://cmms.test/work_orders");
  EXPECT_EQ(header_of(request, "Authorization"), "<absent>");
  EXPECT_EQ(request.body, R"({"title":"T","status":"in_progress","priority":"low"})");
}

TEST(PushCustom, AuthenticatesAsConfigured) {
  auto key = custom_input();
  key.credentials = {{"api_key", "k1"}};
  key.options.insert_or_assign("auth_header", "X-Api-Key");
  key.options.insert_or_assign("auth_scheme", "");
  const Step with_key = push(connect(key), PushOperation::create, R"({"title": "T"})")->start();
  EXPECT_EQ(header_of(request_of(with_key), "X-Api-Key"), "k1");
  auto basic = custom_input();
  basic.credentials = {{"username", "Aladdin"}, {"password", "open sesame"}};
  const auto connection = connect(basic);
  const Step with_password = push(connection, PushOperation::create, R"({"title": "T"})")->start();
  EXPECT_EQ(header_of(request_of(with_password), "Authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  const auto secrets = connection->secrets();
  EXPECT_NE(std::find(secrets.begin(), secrets.end(), "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), secrets.end());
}

TEST(PushCustom, FindsTheIdWhereverItIs) {
  const auto connection = connect(custom_input());
  const auto id = [&](int status, std::string body, std::vector<Header> headers = {}) {
    return after(*push(connection, PushOperation::create, R"({"title": "T"})"),
                 answered(status, body, headers))
        .source_record_id;
  };
  EXPECT_EQ(id(201, R"({"id": "WO-1"})"), "WO-1");
  EXPECT_EQ(id(201, R"({"data": {"id": 5}})"), "5");
  EXPECT_EQ(id(201, R"({"work_order": {"id": 6}})"), "6");
  EXPECT_EQ(id(200, R"({"external_id": "E7"})"), "E7");
  EXPECT_EQ(id(201, "", {{"Location", "https://cmms.test/work_orders/8?x=1"}}), "8");
  EXPECT_EQ(id(201, R"({"id": {"nested": 1}})"), "");
}

TEST(PushCreate, RecordsNoCompanionsOfOthers) {
  provider::ConnectionInput input;
  input.provider_id = "erp";
  input.tenant_id = "default";
  input.descriptor = test::shipped_descriptor("sap_pm");
  input.options = {{"base_url", "https://sap.test"}, {"notification_type", "M1"}};
  input.credentials = {{"username", "u"}, {"password", "p"}};
  PushInput created;
  created.record = shared(order);
  created.reference = reference;
  auto job = make_companion_push(connect(std::move(input)), std::move(created));
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(request_of(job.value()->start()).method, "GET");
  const Step next = job.value()->on_outcome(answered(200, R"({"d": {"results": [
      {"MaintNotifExtReferenceNumber": "11111111-2222-4333-8444-555555555555", "MaintenanceOrder": "1"}]}})"));
  EXPECT_EQ(conclusion_of(next).verdict, Verdict::retry);  // the filter is ignored, and there are no pages
}

}  // namespace
}  // namespace cmms::job
