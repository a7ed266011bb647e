// Bulk pushes against scripted answers: how changes are divided into items and requests, and what each answer
// means for each record.
#include "core/job/bulk_push.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "provider_fixture.hpp"

namespace cmms::job {
namespace {

using test::answered;
using test::failed;
using test::shared;

using Texts = std::vector<std::string>;

constexpr std::string_view part =
    R"({"name": "Rotor", "description": "Mk. I", "identifier": "P-1", "unit_price": 19.99, "currency": "EUR",
  "stock_location": "A1", "stock_quantity": 5, "minimum_stock": null, "tags": ["heavy"],
  "custom_fields": {"valuation-class": "P"}})";

std::string test_descriptor() {
  std::ifstream file(CMMS_SOURCE_DIR "/test/provider/parts.json");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::shared_ptr<const provider::Connection> connection(const std::string& descriptor = test_descriptor()) {
  auto parsed = provider::parse_descriptor(descriptor);
  if (!parsed) {
    ADD_FAILURE() << parsed.error().message;
    return nullptr;
  }
  provider::ConnectionInput input;
  input.provider_id = "stores";
  input.tenant_id = "default";
  input.descriptor = std::make_shared<const provider::Descriptor>(std::move(parsed).value());
  input.options = {{"base_url", "https://mw.test"}};
  input.credentials = {{"api_key", "k"}};
  return test::connect(std::move(input));
}

BulkPreparation prepared(const provider::Connection& connection, PushOperation operation,
                         std::string_view record, Texts changed, const std::string& id,
                         const std::string& resource = "part") {
  PushInput input;
  input.resource = resource;
  input.operation = operation;
  input.record = shared(record);
  input.changed_fields = std::move(changed);
  input.source_record_id = id;
  input.reference = test::reference;
  auto preparation = prepare_bulk(connection, input);
  if (!preparation) {
    ADD_FAILURE() << preparation.error().message;
    return Conclusion{};
  }
  return std::move(preparation).value();
}

// The items of one record: "write: json".
Texts items(const BulkPreparation& preparation) {
  Texts texts;
  const auto* member = std::get_if<BulkMember>(&preparation);
  if (member == nullptr) return {std::string(verdict_name(std::get<Conclusion>(preparation).verdict))};
  for (const BulkItem& item : member->items) texts.push_back(std::to_string(item.write) + ": " + item.json);
  return texts;
}

Texts update_items(const Texts& changed, std::string_view record = part) {
  return items(prepared(*connection(), PushOperation::update, record, changed, "P-1"));
}

// Members that change their names, and the provider's side of it: pushes are run until nothing is left.
class Batch {
 public:
  explicit Batch(std::shared_ptr<const provider::Connection> connection,
                 PushOperation operation = PushOperation::update)
      : connection_(std::move(connection)), operation_(operation) {}

  void add(const Texts& changed, std::string_view record = part) {
    const std::string id = "P-" + std::to_string(size_);
    BulkPreparation preparation =
        prepared(*connection_, operation_, replaced(std::string(record), "\"P-1\"", "\"" + id + "\""),
                 changed, operation_ == PushOperation::create ? "" : id);
    BulkMember member = std::move(std::get<BulkMember>(preparation));
    member.position = size_++;
    group_.members.push_back(std::move(member));
  }
  void add_many(int count) {
    for (int i = 0; i < count; ++i) add({"name"});
  }

  // `answer` is given the request's items.
  template <class Answer>
  void run(Answer&& answer) {
    std::vector<BulkGroup> groups;
    groups.push_back(std::move(group_));
    while (!groups.empty()) {
      BulkGroup group = std::move(groups.front());
      groups.erase(groups.begin());
      auto push = make_bulk_push(connection_, "part", operation_, std::move(group));
      ASSERT_TRUE(push.ok()) << push.error().message;
      const Step step = push.value()->start();
      const Request& request = test::request_of(step);
      const auto body = test::parse(request.body);
      EXPECT_EQ(body.root().size(), push.value()->size());
      requests.push_back(std::string(push.value()->write_name()) + " " + std::to_string(body.root().size()));
      bodies.push_back(request.body);
      conclusions.push_back(test::conclusion_of(push.value()->on_outcome(answer(body.root(), request))));
      for (BulkEnd& end : push.value()->take_ended()) {
        EXPECT_TRUE(ends.emplace(end.position, std::move(end.conclusion)).second) << "ended twice";
      }
      for (BulkGroup& rest : push.value()->take_groups()) groups.push_back(std::move(rest));
    }
    EXPECT_EQ(ends.size(), size_) << "each record ends";
  }

  std::string verdicts() const {
    std::map<std::string_view, int> counts;
    for (const auto& [position, conclusion] : ends) ++counts[verdict_name(conclusion.verdict)];
    std::string text;
    for (const auto& [verdict, count] : counts) {
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(verdict);
    }
    return text;
  }

  Texts requests;
  Texts bodies;
  std::vector<Conclusion> conclusions;
  std::map<std::size_t, Conclusion> ends;

 private:
  std::shared_ptr<const provider::Connection> connection_;
  PushOperation operation_;
  BulkGroup group_;
  std::size_t size_ = 0;
};

const auto accept = [](const json::Value&, const Request&) { return answered(202, "null"); };

TEST(BulkItem, ACreateHoldsWhatTheRulesSay) {
  EXPECT_EQ(
      items(prepared(*connection(), PushOperation::create, part, {}, "")),
      (Texts{
          R"(0: {"name":"Rotor","description":"Mk. I","externalReference":"P-1","unitPrice":{"amount":1999,"currency":"EUR"},"currentStock":{"location":"A1","quantity":5}})"}));
  const auto preparation = prepared(*connection(), PushOperation::create, part, {}, "");
  EXPECT_EQ(std::get<BulkMember>(preparation).items.front().id, "P-1");
}

TEST(BulkItem, AnUpdateHoldsOnlyWhatChanged) {
  EXPECT_EQ(update_items({"name"}), (Texts{R"(1: {"id":"P-1","name":"Rotor"})"}));
  EXPECT_EQ(update_items({"minimum_stock"}), (Texts{R"(1: {"id":"P-1","minimumStock":null})"}));
  EXPECT_EQ(update_items({"custom_fields"}),
            (Texts{R"(1: {"id":"P-1","customFields":[{"field":"valuation-class","value":"P"}]})"}));
  EXPECT_EQ(update_items({"tags"}),
            (Texts{R"(1: {"id":"P-1","tags":[{"operation":"replace","values":["heavy"]}]})"}));
  EXPECT_EQ(update_items({"stock_location"}), (Texts{"synchronized"})) << "no rule sends it";
}

TEST(BulkItem, AChangeIsDividedAmongTheWrites) {
  EXPECT_EQ(update_items({"stock_quantity"}), (Texts{R"(0: {"id":"P-1","quantity":5})"}));
  EXPECT_EQ(update_items({"name", "stock_quantity"}),
            (Texts{R"(0: {"id":"P-1","quantity":5})", R"(1: {"id":"P-1","name":"Rotor"})"}));
}

TEST(BulkItem, AWholeMemberTakesItsPartsAlong) {
  const std::string price = R"(1: {"id":"P-1","unitPrice":{"amount":1999,"currency":"EUR"}})";
  EXPECT_EQ(update_items({"unit_price"}), Texts{price});
  EXPECT_EQ(update_items({"currency"}), Texts{price});
  const std::string free = replaced(std::string(part), "19.99", "null");
  EXPECT_EQ(update_items({"unit_price"}, free), Texts{R"(1: {"id":"P-1","unitPrice":null})"});
  EXPECT_EQ(
      items(prepared(*connection(), PushOperation::create, free, {}, "")),
      (Texts{
          R"(0: {"name":"Rotor","description":"Mk. I","externalReference":"P-1","currentStock":{"location":"A1","quantity":5}})"}));
}

TEST(BulkItem, WhatCannotBeMappedIsHeld) {
  const std::string half = replaced(std::string(part), "19.99", "19.999");
  EXPECT_EQ(update_items({"unit_price", "stock_quantity"}, half), Texts{"held"});
  EXPECT_EQ(items(prepared(*connection(), PushOperation::update, part, {"name"}, "")), Texts{"rejected"});
}

TEST(BulkItem, IdentifiersMayBeTyped) {
  const auto item = [](const std::string& id) {
    return items(prepared(*connection(), PushOperation::update, part, {"name"}, id, "asset"));
  };
  EXPECT_EQ(item("2507"), (Texts{R"(0: {"id":2507,"name":"Rotor"})"}));
  EXPECT_EQ(item("EQ-1"), (Texts{R"(0: {"id":"EQ-1","name":"Rotor"})"}));
  EXPECT_EQ(item("externalReference:7"),
            (Texts{R"(0: {"id":{"type":"externalReference","value":"7"},"name":"Rotor"})"}));
}

TEST(BulkItem, AnOperationThatTheProviderHasNotIsAnError) {
  PushInput input;
  input.resource = "asset";
  input.record = shared(part);
  const auto preparation = prepare_bulk(*connection(), input);
  ASSERT_FALSE(preparation.ok());
  EXPECT_EQ(preparation.error().message, "provider \"stores\": provider type parts has no create of asset");
}

TEST(BulkPush, ManyChangesAreOneRequest) {
  Batch batch(connection());
  batch.add_many(10'000);
  batch.run(accept);
  EXPECT_EQ(batch.requests, (Texts{"update 10000"}));
  EXPECT_EQ(batch.verdicts(), "10000 accepted");
  EXPECT_EQ(batch.conclusions.front().verdict, Verdict::accepted);
}

TEST(BulkPush, ACreateHasTheIdThatItWasSentWith) {
  Batch batch(connection(), PushOperation::create);
  batch.add({});
  batch.add({});
  batch.run(accept);
  EXPECT_EQ(batch.requests, (Texts{"create 2"}));
  EXPECT_EQ(batch.ends.at(1).source_record_id, "P-1");
}

TEST(BulkPush, IsSplitAtTheMostItems) {
  Batch batch(connection(replaced(test_descriptor(), R"("default": "10000")", R"("default": "400")")));
  batch.add_many(1000);
  batch.run(accept);
  EXPECT_EQ(batch.requests, (Texts{"update 400", "update 400", "update 200"}));
}

TEST(BulkPush, IsSplitAtTheMostBytes) {
  std::string small = test_descriptor();
  const std::size_t update = small.find(R"("path": "/spare-parts/attributes")");
  small.replace(small.find(R"("max_items")", update), 0, R"("max_bytes": 100, )");
  Batch batch(connection(small));
  batch.add_many(7);
  batch.run(accept);
  EXPECT_EQ(batch.requests, (Texts{"update 3", "update 3", "update 1"}));
  for (const std::string& body : batch.bodies) EXPECT_LE(body.size(), 100U);
}

TEST(BulkPush, StockAndAttributesAreTwoRequestsHoweverTheyMix) {
  Batch batch(connection());
  batch.add({"name"});
  batch.add({"stock_quantity"});
  batch.add({"name", "stock_quantity"});
  batch.run(accept);
  EXPECT_EQ(batch.requests, (Texts{"stock 2", "update 2"}));
  EXPECT_EQ(batch.verdicts(), "3 accepted");
}

TEST(BulkPush, ARecordIsDoneOnlyWithAllItsWrites) {
  Batch batch(connection());
  batch.add({"name", "stock_quantity"});
  batch.add({"stock_quantity"});
  batch.run([](const json::Value&, const Request& request) {
    return request.url.ends_with("/attributes") ? answered(503, "") : answered(202, "null");
  });
  EXPECT_EQ(batch.verdicts(), "1 accepted, 1 retry");
  EXPECT_EQ(batch.ends.at(0).verdict, Verdict::retry);
}

TEST(BulkPush, ItemsThatAreNamedAreRejectedAndTheOthersSentAgain) {
  Batch batch(connection());
  batch.add_many(10);
  int requests = 0;
  batch.run([&](const json::Value&, const Request&) {
    if (++requests > 1) return answered(202, "null");
    return answered(400, R"({"code": 4000001, "message": "Invalid input", "extended_message": {
        "global_errors": ["Unknown property \"[7].colour\""],
        "property_errors": {"[3].name": ["Too long"], "[3].gtin": ["Wrong"], "[99].name": ["of nobody"]}}})");
  });
  EXPECT_EQ(batch.requests, (Texts{"update 10", "update 8"}));
  EXPECT_EQ(batch.verdicts(), "8 accepted, 2 rejected");
  EXPECT_EQ(batch.ends.at(3).error_fields, R"({"name":["Too long"],"gtin":["Wrong"]})");
  EXPECT_EQ(batch.ends.at(3).error->message,
            "provider answered 400 Bad Request: Invalid input: name: Too long; gtin: Wrong");
  EXPECT_EQ(batch.ends.at(7).verdict, Verdict::rejected);
}

// The provider takes no batch that holds one of these.
auto refusing(const std::set<std::string>& poison, int status = 422) {
  return [=](const json::Value& body, const Request&) {
    for (std::size_t i = 0; i < body.size(); ++i) {
      if (poison.contains(std::string(body.element(i)->member("id")->string())))
        return answered(status, R"({"message": "no"})");
    }
    return answered(202, "null");
  };
}

TEST(BulkPush, HalvesShowWhichItemIsMeant) {
  Batch batch(connection());
  batch.add_many(1024);
  batch.run(refusing({"P-700"}));
  EXPECT_EQ(batch.requests.size(), 21U) << "two for each halving";
  EXPECT_EQ(batch.verdicts(), "1023 accepted, 1 rejected");
  EXPECT_EQ(batch.ends.at(700).error->message, "provider answered 422 Unprocessable Entity: no");
}

TEST(BulkPush, SeveralItemsMayBeMeant) {
  Batch batch(connection());
  batch.add_many(100);
  batch.run(refusing({"P-0", "P-50", "P-51", "P-99"}, 400));
  EXPECT_EQ(batch.verdicts(), "96 accepted, 4 rejected");
}

TEST(BulkPush, AProviderThatRefusesEverythingIsNotSentEachItemAlone) {
  Batch batch(connection());
  batch.add_many(10'000);
  batch.run([](const json::Value&, const Request&) { return answered(400, R"({"message": "no"})"); });
  EXPECT_LT(batch.requests.size(), 150U);
  EXPECT_EQ(batch.ends.at(5000).verdict, Verdict::retry);
  EXPECT_FALSE(batch.ends.at(5000).provider_wide) << "it is given up in the end";
}

TEST(BulkPush, AnOutageConcernsAll) {
  for (const int status : {429, 500, 503}) {
    Batch batch(connection());
    batch.add_many(5);
    batch.run([&](const json::Value&, const Request&) {
      return answered(status, "", {{"Retry-After", "7"}});
    });
    EXPECT_EQ(batch.requests.size(), 1U);
    EXPECT_EQ(batch.verdicts(), "5 retry") << status;
    EXPECT_EQ(batch.conclusions.front().retry_after, std::chrono::seconds(7));
  }
}

TEST(BulkPush, AnUnknownOutcomeOfCreatesIsInDoubt) {
  const auto lose = [](const json::Value&, const Request&) { return failed(Delivery::unknown); };
  Batch creates(connection(), PushOperation::create);
  creates.add({});
  creates.run(lose);
  EXPECT_EQ(creates.verdicts(), "1 in_doubt");
  Batch updates(connection());
  updates.add_many(2);
  updates.run(lose);
  EXPECT_EQ(updates.verdicts(), "2 retry") << "they set fixed values";
  Batch repeatable(connection(replaced(test_descriptor(), R"("path": "/spare-parts",)",
                                       R"("path": "/spare-parts", "repeatable": true,)")),
                   PushOperation::create);
  repeatable.add({});
  repeatable.run(lose);
  EXPECT_EQ(repeatable.verdicts(), "1 retry");
}

std::string with_results() {
  std::string text = test_descriptor();
  const std::size_t update = text.find(R"("path": "/spare-parts/attributes")");
  text.replace(text.find(R"("max_items")", update), 0,
               R"("results": "$.results", "item_status": "$.status", "item_message": "$.error.message",
                  "item_errors": "$.error.fields", "item_id": "$.id", )");
  return text;
}

TEST(BulkPush, AMixedAnswerIsTakenApartPerItem) {
  Batch batch(connection(with_results()));
  batch.add_many(5);
  batch.run([](const json::Value&, const Request&) {
    return answered(207, R"({"results": [{"status": 200, "id": "P-0"},
        {"status": 422, "error": {"message": "too long", "fields": {"name": ["60 characters"]}}},
        {"status": "409"}, {"status": 423}, {"status": 503}]})");
  });
  EXPECT_EQ(batch.requests.size(), 1U);
  EXPECT_EQ(batch.verdicts(), "1 rejected, 3 retry, 1 synchronized");
  EXPECT_EQ(batch.ends.at(1).error->message, "provider answered 422 Unprocessable Entity: too long");
  EXPECT_EQ(batch.ends.at(1).error_fields, R"({"name":["60 characters"]})");
  EXPECT_FALSE(batch.ends.at(4).provider_wide) << "the provider did answer";
}

TEST(BulkPush, ResultsMayComeInAnyOrderWithTheirIds) {
  Batch batch(connection(with_results()));
  batch.add_many(3);
  batch.run([](const json::Value&, const Request&) {
    return answered(200, R"({"results": [{"status": 400, "id": "P-2"}, {"status": 200, "id": "P-0"}]})");
  });
  EXPECT_EQ(batch.ends.at(0).verdict, Verdict::synchronized);
  EXPECT_EQ(batch.ends.at(1).verdict, Verdict::retry) << "nothing is known of it";
  EXPECT_EQ(batch.ends.at(2).verdict, Verdict::rejected);
}

TEST(Bulk, TellsWhatCanBeWritten) {
  const auto support = provider::write_support(*connection(), "part");
  ASSERT_EQ(support.size(), 2U);
  EXPECT_EQ(support[0].operation, "create");
  EXPECT_EQ(support[1].fields, (Texts{"currency", "custom_fields", "description", "identifier",
                                      "minimum_stock", "name", "stock_quantity", "tags", "unit_price"}));
  EXPECT_EQ(provider::write_support(*connection(), "asset").size(), 1U);
  EXPECT_TRUE(provider::write_support(*connection(), "person").empty());
  EXPECT_EQ(connection()->maps("part")->bulk.max_items(), 10'000U);
}

}  // namespace
}  // namespace cmms::job
