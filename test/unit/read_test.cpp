// Reading records by their ids, alone and in batches.
#include <gtest/gtest.h>

#include "core/job/read.hpp"
#include "core/job/read_batch.hpp"
#include "provider_fixture.hpp"

namespace cmms::job {
namespace {

using test::answered;
using test::clickmaint_input;
using test::conclusion_of;
using test::connect;
using test::failed;
using test::request_of;

std::unique_ptr<Job> read(std::string_view id) {
  auto job = make_read(connect(clickmaint_input()), "work_order", id);
  EXPECT_TRUE(job.ok());
  return std::move(job).value();
}

// Click Maint, if its list took a choice of ids.
std::shared_ptr<const provider::Connection> batching() {
  std::string text = test::descriptor_text("clickmaint");
  const std::string list = "\"list\": {";
  text.insert(text.find(list),
              R"("read_batch": {"max_items": 3, "parameter": "filter", "each": "id='{source_id}'",
                                  "join": " or "}, )");
  provider::ConnectionInput input = clickmaint_input();
  Result<provider::Descriptor> descriptor = provider::parse_descriptor(text);
  EXPECT_TRUE(descriptor.ok()) << descriptor.error().message;
  input.descriptor = std::make_shared<const provider::Descriptor>(std::move(descriptor).value());
  return connect(std::move(input));
}

TEST(Read, YieldsTheRecordAsAPage) {
  const auto job = read("17");
  const Step first = job->start();
  EXPECT_EQ(request_of(first).method, "GET");
  EXPECT_EQ(request_of(first).url, "https://cm.test/api/v1/work_orders/17");
  const Step second = job->on_outcome(answered(200, R"({"data": {"id": 17, "title": "Pump"}})"));
  const auto* page = std::get_if<Page>(&second);
  ASSERT_NE(page, nullptr);
  ASSERT_EQ(page->records.size(), 1U);
  EXPECT_TRUE(page->cursor.empty());
  EXPECT_EQ(conclusion_of(job->on_recorded()).verdict, Verdict::complete);
}

TEST(Read, TellsMissingFromUnavailable) {
  for (const int status : {404, 410}) {
    const auto job = read("17");
    job->start();
    EXPECT_EQ(conclusion_of(job->on_outcome(answered(status, ""))).verdict, Verdict::not_found);
  }
  for (const int status : {401, 429, 500, 503}) {
    const auto job = read("17");
    job->start();
    EXPECT_EQ(conclusion_of(job->on_outcome(answered(status, ""))).verdict, Verdict::retry) << status;
  }
  const auto lost = read("17");
  lost->start();
  EXPECT_EQ(conclusion_of(lost->on_outcome(failed(Delivery::unknown))).verdict, Verdict::retry);
  const auto empty = read("17");
  empty->start();
  const Conclusion conclusion = conclusion_of(empty->on_outcome(answered(200, R"({"data": {}})")));
  EXPECT_EQ(conclusion.verdict, Verdict::retry);
  EXPECT_EQ(conclusion.error->message, "provider \"plant_a\" answered without a record that has an id");
}

TEST(Read, IsRefusedWhereTheProviderCannotDoIt) {
  const auto job = make_read(connect(clickmaint_input()), "asset", "17");
  ASSERT_FALSE(job.ok());
  EXPECT_EQ(job.error().message, "provider \"plant_a\" cannot be asked for a single asset");
}

TEST(ReadBatch, NamesAllIdsInOneRequest) {
  const auto connection = batching();
  EXPECT_EQ(read_batch_size(*connection, "work_order"), 3);
  auto job = std::move(make_read_batch(connection, "work_order", {"1", "2"})).value();
  EXPECT_EQ(request_of(job->start()).url,
            "https://cm.test/api/v1/work_orders?filter=id%3D%271%27%20or%20id%3D%272%27");
}

TEST(ReadBatch, TakesOnlyWhatWasAskedFor) {
  auto job = std::move(make_read_batch(batching(), "work_order", {"1", "2"})).value();
  job->start();
  const Step step = job->on_outcome(answered(200, R"({"data": [{"id": 2}, {"id": 3}, {"title": "no id"}]})"));
  const auto* page = std::get_if<Page>(&step);
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(page->records.size(), 1U);
  EXPECT_EQ(conclusion_of(job->on_recorded()).verdict, Verdict::complete);
}

TEST(ReadBatch, NeverTakesAFailureForNothingFound) {
  for (const auto& [status, body] : {std::pair(503, "{}"), std::pair(200, "{}"), std::pair(400, "{}")}) {
    auto job = std::move(make_read_batch(batching(), "work_order", {"1"})).value();
    job->start();
    EXPECT_EQ(conclusion_of(job->on_outcome(answered(status, body))).verdict, Verdict::retry) << status;
  }
}

}  // namespace
}  // namespace cmms::job
