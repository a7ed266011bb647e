// Look-ups against scripted pages.
#include "core/job/lookup.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace cmms::job
