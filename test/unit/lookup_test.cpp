// Look-ups against scripted pages.
#include "core/job/lookup.hpp"

#include <gtest/gtest.h>

#include "core/job/stamp.hpp"
#include "core/provider/inbound.hpp"
#include "provider_fixture.hpp"

namespace cmms::job {
namespace {

using test::answered;
using test::clickmaint_input;
using test::conclusion_of;
using test::connect;
using test::mark;
using test::reference;
using test::request_of;

std::unique_ptr<Job> lookup(provider::ConnectionInput input = clickmaint_input()) {
  auto job = make_lookup(connect(std::move(input)), "work_order", reference);
  if (!job) ADD_FAILURE() << job.error().message;
  return std::move(job).value();
}

std::string ours(int id) {
  return R"({"id": )" + std::to_string(id) + R"(, "description": "text\n\n)" + mark + "\"}";
}

std::string other(int id) { return R"({"id": )" + std::to_string(id) + R"(, "description": "text"})"; }

Outcome page(const std::string& records, const std::string& meta = "{}") {
  return answered(200, R"({"status":"success","data":[)" + records + R"(],"meta":)" + meta + "}");
}

TEST(Lookup, AsksForOurReference) {
  const auto job = lookup();
  const Step step = job->start();
  EXPECT_EQ(request_of(step).url, "https://cm.test/api/v1/work_orders?filter%5Bdescription_cont%5D=" +
                                      reference + "&page=1&per_page=50");
  EXPECT_TRUE(request_of(step).idempotent);
  const Conclusion none = conclusion_of(job->on_outcome(page("")));
  EXPECT_EQ(none.verdict, Verdict::not_found);
}

TEST(Lookup, AdoptsOnlyARecordWithOurReference) {
  const auto job = lookup();
  job->start();
  const Step second = job->on_outcome(page(other(1) + "," + ours(7) + "," + other(3)));
  EXPECT_NE(request_of(second).url.find("page=2"), std::string::npos);
  const Conclusion found = conclusion_of(job->on_outcome(page("")));
  EXPECT_EQ(found.verdict, Verdict::synchronized);
  EXPECT_EQ(found.source_record_id, "7");
  ASSERT_TRUE(found.record);
  EXPECT_FALSE(found.error);

  const auto ignored_filter = lookup();
  ignored_filter->start();
  ignored_filter->on_outcome(page(other(1) + "," + other(2)));
  EXPECT_EQ(conclusion_of(ignored_filter->on_outcome(page(other(3)))).verdict, Verdict::not_found);
}

TEST(Lookup, HandsOverWhatCarriesAnotherReference) {
  const auto another = [](int id) {
    return R"({"id": )" + std::to_string(id) +
           R"(, "description": "[cmms 11111111-2222-4333-8444-555555555555]"})";
  };
  const auto job = lookup();
  job->start();
  const Step first = job->on_outcome(page(other(1) + "," + another(2) + "," + ours(7) + "," + another(3)));
  const auto* handed_over = std::get_if<Page>(&first);
  ASSERT_NE(handed_over, nullptr);
  ASSERT_EQ(handed_over->records.size(), 2U);
  EXPECT_EQ(handed_over->records[1].member("id")->text(), "3");
  EXPECT_TRUE(handed_over->cursor.empty());
  EXPECT_NE(request_of(job->on_recorded()).url.find("page=2"), std::string::npos);
  const Step last = job->on_outcome(page(another(4), R"({"pagination": {"next_page": null}})"));
  EXPECT_TRUE(std::holds_alternative<Page>(last));
  EXPECT_EQ(conclusion_of(job->on_recorded()).source_record_id, "7");
}

// A server that knows no pages answers each with the same records: once is enough.
TEST(Lookup, HandsOverARepeatedPageOnce) {
  const std::string same = R"({"id": 2, "description": "[cmms 11111111-2222-4333-8444-555555555555]"})";
  const auto job = lookup();
  job->start();
  EXPECT_TRUE(std::holds_alternative<Page>(job->on_outcome(page(same))));
  request_of(job->on_recorded());
  EXPECT_EQ(conclusion_of(job->on_outcome(page(same))).verdict, Verdict::in_doubt);
}

TEST(Lookup, TakesTheLowestOfSeveral) {
  const auto job = lookup();
  job->start();
  const Conclusion found = conclusion_of(
      job->on_outcome(page(ours(100) + "," + ours(99), R"({"pagination": {"total_pages": 1}})")));
  EXPECT_EQ(found.verdict, Verdict::synchronized);
  EXPECT_EQ(found.source_record_id, "99");
  EXPECT_TRUE(found.error);
}

TEST(Lookup, ReadsOnWhileTheProviderSaysSo) {
  const auto job = lookup();
  job->start();
  EXPECT_NE(request_of(job->on_outcome(page(other(1), R"({"pagination": {"total_pages": 3}})"))).url, "");
  EXPECT_NE(request_of(job->on_outcome(page(other(2), R"({"pagination": {"next_page": 3}})"))).url, "");
  EXPECT_EQ(conclusion_of(job->on_outcome(page(ours(3), R"({"pagination": {"next_page": null}})")))
                .source_record_id,
            "3");
}

TEST(Lookup, IsInDoubtWhenNotEverythingWasRead) {
  const auto repeating = lookup();
  repeating->start();
  repeating->on_outcome(page(other(1)));
  EXPECT_EQ(conclusion_of(repeating->on_outcome(page(other(1)))).verdict, Verdict::in_doubt);

  const auto endless = lookup();
  endless->start();
  for (int i = 1; i < max_lookup_pages; ++i) request_of(endless->on_outcome(page(other(i))));
  const Conclusion conclusion = conclusion_of(endless->on_outcome(page(other(999))));
  EXPECT_EQ(conclusion.verdict, Verdict::in_doubt);
  EXPECT_TRUE(conclusion.error);
}

TEST(Lookup, AFailedPageIsNeverNotFound) {
  const std::vector<std::pair<Outcome, Verdict>> cases{
      {answered(429, "", {{"Retry-After", "3"}}), Verdict::retry},
      {answered(500, ""), Verdict::retry},
      {test::failed(Delivery::unknown), Verdict::retry},
      {answered(200, ""), Verdict::retry},
      {answered(200, "{\"data\":[{\"id\":1"), Verdict::retry},
      {answered(200, R"({"data": {}})"), Verdict::retry},
      {answered(401, ""), Verdict::retry},
      {answered(422, ""), Verdict::in_doubt},
      {answered(404, ""), Verdict::in_doubt},
      {answered(200, R"({"status":"error","message":"no"})"), Verdict::in_doubt},
      {page(R"({"description": ")" + mark + "\"}"), Verdict::in_doubt},
  };
  for (const auto& [outcome, verdict] : cases) {
    const auto job = lookup();
    job->start();
    const Conclusion conclusion = conclusion_of(job->on_outcome(outcome));
    EXPECT_EQ(conclusion.verdict, verdict) << outcome.response.status << outcome.response.body;
    EXPECT_TRUE(conclusion.error);
  }
}

TEST(Lookup, WaitsForAPersonWithoutAFieldForTheReference) {
  auto input = clickmaint_input();
  input.options.insert_or_assign("reference_field", "none");
  EXPECT_EQ(conclusion_of(lookup(std::move(input))->start()).verdict, Verdict::in_doubt);
}

TEST(Lookup, FindsAFieldOfItsOwn) {
  auto input = test::custom_input();
  input.options.insert_or_assign("lookup_parameter", "ref");
  input.field_rows = {{"work_order", "inbound", "reference", "external_ref", "", false, {}, "always"}};
  const auto job = lookup(std::move(input));
  const Step step = job->start();
  EXPECT_EQ(request_of(step).url, "https://cmms.test/work_orders?ref=" + reference + "&page=1&per_page=50");
  job->on_outcome(answered(200, R"([{"id": "A", "external_ref": ")" + reference + "\"}]"));
  EXPECT_EQ(conclusion_of(job->on_outcome(answered(200, "[]"))).source_record_id, "A");
}

// Orders whose reference stands in notifications, as at SAP.
provider::ConnectionInput notified_input(const std::string& paging) {
  provider::ConnectionInput input;
  input.provider_id = "sap";
  auto descriptor =
      provider::parse_descriptor(R"({"type": "odata", "name": "OData", "resources": {"work_order": {
      "create": {"method": "POST", "path": "/orders"},
      "lookup": {
        "operation": {
          "method": "GET", "path": "/notifications", "query": {"$filter": "Ref eq '{reference_short:odata}'"}
        },
        "records": "$.d.results", "id": "Order", "reference": ["Ref", "Texts[*].Text"], "newest_first": "Made",
        "paging": )" + paging + R"(
      },
      "id": "Id"}}})");
  if (!descriptor) ADD_FAILURE() << descriptor.error().message;
  input.descriptor = std::make_shared<const provider::Descriptor>(std::move(descriptor).value());
  input.options = {{"base_url", "https://sap.test"}};
  return input;
}

const std::string by_link = R"({"style": "skip_token", "path": "$.d.__next", "parameter": "$skiptoken"})";
const std::string reference_short = "BMHVUUTPF5GT5HYKAERU";
constexpr Micros attempted_at{std::chrono::seconds(1'750'000'000)};

std::unique_ptr<Job> notified_lookup(const std::string& paging) {
  auto job = make_lookup(connect(notified_input(paging)), "work_order", reference, attempted_at);
  if (!job) ADD_FAILURE() << job.error().message;
  return std::move(job).value();
}

// A notification made so many seconds after the attempt.
std::string notification(const std::string& ref, const std::string& order, int seconds) {
  return R"({"Ref": ")" + ref + R"(", "Order": ")" + order + R"(", "Made": "/Date()" +
         std::to_string((1'750'000'000LL + seconds) * 1000) + R"()/"})";
}

Outcome notifications(const std::string& records, const std::string& token = "") {
  const std::string link =
      token.empty() ? "" : R"(, "__next": "http://localhost/n?$skiptoken=)" + token + "\"";
  return answered(200, R"({"d": {"results": [)" + records + "]" + link + "}}");
}

TEST(Lookup, FindsAnOrderThroughTheRecordThatNamesIt) {
  const auto job = notified_lookup(by_link);
  EXPECT_EQ(request_of(job->start()).url,
            "https://sap.test/notifications?%24filter=Ref%20eq%20%27" + reference_short + "%27");
  const Conclusion found = conclusion_of(job->on_outcome(
      notifications(notification("other", "1", 5) + "," + notification(reference_short, "4000001", 3))));
  EXPECT_EQ(found.verdict, Verdict::synchronized);
  EXPECT_EQ(found.source_record_id, "4000001");
  EXPECT_FALSE(found.record);  // what was read is no order

  const auto whole = notified_lookup(by_link);
  whole->start();
  EXPECT_EQ(
      conclusion_of(whole->on_outcome(notifications(notification(reference, "17", 0)))).source_record_id,
      "17");
}

TEST(Lookup, FindsOurReferenceInAnyOfSeveralTexts) {
  const std::string texts =
      R"("Texts": [{"Text": "[cmms nothing]"}, {"Text": 7}, {"Text": "Leaks\n\n)" + mark + R"("}])";
  const auto job = notified_lookup(by_link);
  job->start();
  EXPECT_EQ(
      conclusion_of(job->on_outcome(notifications(R"({"Order": "9", )" + texts + "}"))).source_record_id,
      "9");

  auto input = notified_input(by_link);
  auto descriptor = provider::parse_descriptor(R"({"type": "t", "name": "T", "resources": {"work_order": {
      "id": "Order", "reference": {"field": "LongText", "read": ["Description", "Texts[*].Text"]}}}})");
  ASSERT_TRUE(descriptor.ok()) << descriptor.error().message;
  input.descriptor = std::make_shared<const provider::Descriptor>(std::move(descriptor).value());
  const auto connection = connect(std::move(input));
  const json::Document record = test::parse("{" + texts + "}");
  EXPECT_EQ(provider::record_reference(*connection->maps("work_order"), record.root()), reference);
}

TEST(Lookup, ARecordThatNamesNoOrderYetIsNone) {
  const auto job = notified_lookup(by_link);
  job->start();
  EXPECT_EQ(conclusion_of(job->on_outcome(notifications(notification(reference_short, "", 1)))).verdict,
            Verdict::not_found);
}

TEST(Lookup, StopsWhereEverythingIsOlderThanTheAttempt) {
  const auto job = notified_lookup(by_link);
  job->start();
  request_of(
      job->on_outcome(notifications(notification("a", "1", 60) + "," + notification("b", "2", -60), "2")));
  const Conclusion none = conclusion_of(job->on_outcome(
      notifications(notification("c", "3", -120) + "," + notification("d", "4", -7200), "4")));
  EXPECT_EQ(none.verdict, Verdict::not_found);

  // A list in another order is read to its end.
  const auto unsorted = notified_lookup(by_link);
  unsorted->start();
  const Step second =
      unsorted->on_outcome(notifications(notification("a", "1", -9000) + "," + notification("b", "2", -8000) +
                                             "," + notification("c", "3", -9000),
                                         "3"));
  EXPECT_NE(request_of(second).url.find("%24skiptoken=3"), std::string::npos);
}

TEST(Lookup, APageThatLeadsNowhereIsNeverNotFound) {
  const auto job = notified_lookup(by_link);
  job->start();
  request_of(job->on_outcome(notifications(notification("a", "1", 60), "1")));
  EXPECT_EQ(conclusion_of(job->on_outcome(notifications(notification("b", "2", 50), "1"))).verdict,
            Verdict::in_doubt);
}

TEST(Lookup, AFilterThatIsIgnoredIsNeverNotFoundWithoutPages) {
  const auto ignored = notified_lookup(R"({"style": "none"})");
  ignored->start();
  EXPECT_EQ(conclusion_of(ignored->on_outcome(notifications(notification("a", "1", 60)))).verdict,
            Verdict::in_doubt);
  const auto obeyed = notified_lookup(R"({"style": "none"})");
  obeyed->start();
  EXPECT_EQ(conclusion_of(obeyed->on_outcome(notifications(""))).verdict, Verdict::not_found);
}

TEST(Lookup, ShortensOurReference) {
  EXPECT_EQ(provider::reference_short(reference), reference_short);
  EXPECT_EQ(provider::reference_short("00000000-0000-0000-0000-000000000000"), "AAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ(provider::reference_short("ffffffff-ffff-ffff-ffff-ffffffffffff"), "77777777777777777777");
}

}  // namespace
}  // namespace cmms::job
