// Probes: what test_connection finds out.
#include "core/job/probe.hpp"

#include <gtest/gtest.h>

#include "provider_fixture.hpp"

namespace cmms::job {
namespace {

using test::answered;
using test::clickmaint_input;
using test::conclusion_of;
using test::connect;
using test::header_of;
using test::request_of;

std::string summary(const ProbeJob& job) {
  std::string text;
  for (const ProbeResult& result : job.results()) text += result.check + (result.ok ? ": ok; " : ": no; ");
  return text;
}

TEST(Probe, AsksForEntitiesWithoutAnEntity) {
  auto job = std::move(make_probe(connect(clickmaint_input()))).value();
  const Step first = job->start();
  EXPECT_EQ(request_of(first).url, "https://cm.test/api/v1/entities");
  EXPECT_EQ(header_of(request_of(first), "X-Entity-Id"), "<absent>");
  EXPECT_EQ(header_of(request_of(first), "Authorization"), "Bearer s3cret-key");
  const Step second = job->on_outcome(
      answered(200, R"({"data": []})", {{"X-RateLimit-Limit", "1000"}, {"X-RateLimit-Remaining", "998"}}));
  EXPECT_EQ(request_of(second).url, "https://cm.test/api/v1/work_orders?per_page=1");
  EXPECT_EQ(header_of(request_of(second), "X-Entity-Id"), "12");
  EXPECT_EQ(conclusion_of(job->on_outcome(answered(200, R"({"data": []})"))).verdict, Verdict::complete);
  EXPECT_EQ(summary(*job),
            "reach the provider: ok; authenticate: ok; list entities: ok; read work orders: ok; ");
  EXPECT_EQ(job->limits().remaining, 998);
}

TEST(Probe, SaysWhatIsWrong) {
  auto refused = std::move(make_probe(connect(clickmaint_input()))).value();
  refused->start();
  refused->on_outcome(answered(401, R"({"message":"Invalid API key"})"));
  refused->on_outcome(answered(401, ""));
  EXPECT_EQ(summary(*refused),
            "reach the provider: ok; authenticate: no; list entities: no; read work orders: no; ");
  EXPECT_EQ(refused->results()[1].error->error_class, ErrorClass::authentication);

  auto unreachable = std::move(make_probe(connect(clickmaint_input()))).value();
  unreachable->start();
  EXPECT_EQ(conclusion_of(unreachable->on_outcome(test::failed(Delivery::not_sent))).verdict,
            Verdict::complete);
  EXPECT_EQ(summary(*unreachable), "reach the provider: no; list entities: no; ");

  auto limited = std::move(make_probe(connect(clickmaint_input()))).value();
  limited->start();
  limited->on_outcome(answered(200, "{}"));
  limited->on_outcome(answered(403, ""));
  EXPECT_EQ(summary(*limited),
            "reach the provider: ok; authenticate: ok; list entities: ok; read work orders: no; ");
}

}  // namespace
}  // namespace cmms::job
