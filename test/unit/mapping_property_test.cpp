// What must hold for all maps and all documents: seed maps lead back to where they started, and no document
// and no chain of transforms breaks the engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/json/jansson.hpp"
#include "core/mapping/mapping.hpp"
#include "provider_fixture.hpp"

namespace cmms::mapping {
namespace {

// "type.vocabulary.value": hub values that the provider knows more coarsely, and the value that comes back.
const std::map<std::string, std::string> coarse_values{{"clickmaint.priority.emergency", "high"},
                                                       {"sap_pm.status.triaged", "requested"},
                                                       {"sap_pm.status.assigned", "approved"},
                                                       {"sap_pm.status.in_progress", "approved"},
                                                       {"sap_pm.status.on_hold", "approved"}};

std::vector<std::string> provider_types() {
  std::vector<std::string> types;
  for (const auto& file : std::filesystem::directory_iterator(std::string(CMMS_SOURCE_DIR) + "/providers")) {
    const std::string type = file.path().stem().string();
    if (file.path().extension() == ".json" && type != "schema") types.push_back(type);
  }
  std::sort(types.begin(), types.end());
  return types;
}

TEST(MappingProperty, SeedMapsLeadBackToTheHubValue) {
  std::size_t values_seen = 0;
  std::set<std::string> coarse_seen;
  for (const std::string& type : provider_types()) {
    const auto descriptor = test::shipped_descriptor(type);
    ASSERT_NE(descriptor, nullptr) << type;
    for (const auto& [resource, spec] : descriptor->resources) {
      for (const auto& [vocabulary, values] : spec.values) {
        if (values.inbound.empty()) continue;  // written only: the notification of an order
        ValueMap inbound;
        ValueMap outbound;
        for (const ValueRule& rule : values.inbound) inbound.add(rule);
        for (const ValueRule& rule : values.outbound) outbound.add(rule);
        for (const ValueRule& rule : values.outbound) {
          const auto theirs = outbound.find(rule.source);
          ASSERT_TRUE(theirs) << type << " " << rule.source;
          std::string name = type;
          name.append(".").append(vocabulary).append(".").append(rule.source);
          const auto coarse = coarse_values.find(name);
          EXPECT_EQ(inbound.find(*theirs), coarse == coarse_values.end() ? rule.source : coarse->second)
              << name;
          if (coarse != coarse_values.end()) coarse_seen.insert(name);
          ++values_seen;
        }
      }
    }
  }
  EXPECT_GT(values_seen, 0U);
  EXPECT_EQ(coarse_seen.size(), coarse_values.size()) << "an exception is not needed any more";
}

// Click Maint's statuses go out by the id of a name that was learnt, and come in by name.
TEST(MappingProperty, LearntStatusesLeadBackToTheHubValue) {
  const auto descriptor = test::shipped_descriptor("clickmaint");
  ASSERT_NE(descriptor, nullptr);
  provider::ConnectionInput input = test::clickmaint_input();
  int id = 0;
  for (const ValueRule& rule : descriptor->resources.at("work_order").values.at("status").inbound) {
    input.learnt_values.push_back({"status", std::to_string(++id), rule.source});
  }
  const std::vector<provider::LearntValue> learnt = input.learnt_values;
  const auto connection = test::connect(std::move(input));
  ASSERT_NE(connection, nullptr);
  const provider::ResourceMaps& maps = *connection->maps("work_order");
  for (const char* status : {"requested", "triaged", "approved", "assigned", "in_progress", "on_hold",
                             "completed", "closed", "cancelled"}) {
    const auto sent = maps.outbound_values.at("status").find(status);
    ASSERT_TRUE(sent) << status;
    const auto named =
        std::find_if(learnt.begin(), learnt.end(), [&](const auto& each) { return each.value_id == *sent; });
    ASSERT_NE(named, learnt.end()) << status;
    EXPECT_EQ(maps.inbound_values.at("status").find(named->value_name), status);
  }
}

// Our value goes out by the inverse of the chain that reads it, and comes back the same.
TEST(MappingProperty, ChainsThatAreTurnedBackLeadToTheSameValue) {
  std::mt19937_64 random(17);
  const auto there_and_back = [](const char* chain, const json::Field& ours) {
    const TransformChain read = parse_transforms(chain).value();
    const auto written = inverse_chain(read, chain);
    if (!written) return std::string("no way back");
    const ValueMaps values;
    json::Field value = ours;
    for (const TransformChain& each : {parse_transforms(*written).value(), read}) {
      if (const auto failure = apply_transforms(each, value, {values})) return failure->reason;
    }
    return value.to_json();
  };
  for (int i = 0; i < 2000; ++i) {
    const UtcTime time(
        std::chrono::seconds(static_cast<std::int64_t>(random() % 8'000'000'000ULL) - 4'000'000'000LL));
    const json::Field ours = json::Field::string(utc_text(time).value());
    for (const char* chain : {"timestamp", "epoch seconds", "epoch milliseconds", "sap_date",
                              "time YYYYMMDDHH24MISS", "time \"Mon DD, YYYY HH12:MI:SS.US AM\"",
                              "null_sentinels | time \"DD. Month YYYY 'at' HH24:MI:SS\" UTC"}) {
      ASSERT_EQ(there_and_back(chain, ours), ours.to_json()) << chain;
    }
    const std::string cents = std::to_string(random() % 100'000);
    const json::Field money = json::Field::number(cents + "." + std::to_string(random() % 900 + 100));
    ASSERT_EQ(there_and_back("minor_units KWD", money), money.to_json());
    const json::Field minutes = json::Field::number(cents);
    ASSERT_EQ(there_and_back("hours_to_minutes", minutes), minutes.to_json());
    const json::Field list{json::Kind::array, "[\"" + cents + "\",\"b\"]"};
    ASSERT_EQ(there_and_back("split \", \"", list), list.to_json());
  }
}

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t number(std::size_t below) { return random_() % below; }
  template <class List>
  const auto& one_of(const List& list) {
    return list[number(list.size())];
  }

  std::string json(int depth) {
    static const std::array<const char*, 16> scalars{"null",
                                                     "true",
                                                     "0",
                                                     "-1",
                                                     "12.50",
                                                     "1e300",
                                                     "-0.0001",
                                                     "123456789012345678901234567890",
                                                     "\"\"",
                                                     "\"Open\"",
                                                     "\"REL  CNF\"",
                                                     "\"2025-03-30T02:30:00+02:00\"",
                                                     "\"0001-01-01\"",
                                                     "\"/Date(1753747200000)/\"",
                                                     "\"29.07.2025 14:05\"",
                                                     "\"\\u00e4 \\ud83d\\ude00 \\\"\\\\\""};
    switch (depth > 0 ? number(4) : 2) {
      case 0: {
        std::string text = "[";
        for (std::size_t i = number(4); i > 0; --i) text += json(depth - 1) + (i > 1 ? "," : "");
        return text + "]";
      }
      case 1: {
        std::string text = "{";
        for (std::size_t i = number(4); i > 0; --i) {
          text += "\"" + std::string(1, "abc"[i % 3]) + "\":" + json(depth - 1) + (i > 1 ? "," : "");
        }
        return text + "}";
      }
      default:
        return one_of(scalars);
    }
  }

  std::string chain() {
    static const std::array<const char*, 4> formats{"\"DD.MM.YYYY HH24:MI\"", "\"YYYYMMDD\" UTC",
                                                    "\"Mon DD, YYYY HH12:MI:SS.US AM\"",
                                                    "\"MM/DD/YY\" Nowhere"};
    std::string text;
    for (std::size_t i = number(5); i > 0; --i) {
      const TransformDefinition& definition = one_of(transform_definitions());
      if (!text.empty()) text += " | ";
      text += definition.name;
      const std::string_view wanted = definition.arguments;
      if (wanted.starts_with("seconds")) text += number(2) == 0 ? " seconds" : " milliseconds";
      if (wanted.starts_with("\"<format>")) text += " " + std::string(one_of(formats));
      if (wanted == "<n>") text += " " + std::to_string(number(3));
      if (wanted == "<currency>") text += number(2) == 0 ? " KWD" : " $.a";
      if (wanted == "<path>") text += " $.b";
      if (wanted == "<schema.function>") text += " a.b";
      if (wanted == "<vocabulary>") text += " status";
      if (wanted == "<column>") text += " a";
      if (wanted.starts_with("<text>")) text += definition.name == "template" ? " \"{a}-{b[0]}\"" : " \" \"";
    }
    return text;
  }

 private:
  std::mt19937 random_;
};

ValueMaps every_kind_of_rule() {
  ValueMaps values;
  ValueMap& map = values["status"];
  map.add("Open", "requested");
  map.add({"OPEN", "triaged", Match::exact});
  map.add({"CNF", "completed", Match::contains_code, 1});
  map.add({"REL", "approved", Match::contains_code, 2});
  map.add({"Open + *", "on_hold", Match::pair});
  return values;
}

TEST(MappingProperty, NoDocumentBreaksTheEngine) {
  Generator generator(4711);
  const ValueMaps values = every_kind_of_rule();
  static constexpr std::array<const char*, 7> sources{"$", "a", "b", "a.b", "a[*]", "a[0].b", "c[*].a"};
  std::size_t fields_seen = 0;
  std::size_t problems_seen = 0;
  for (int i = 0; i < 20'000; ++i) {
    RuleText text;
    text.target = "target";
    text.sources = {generator.one_of(sources), generator.one_of(sources)};
    text.transform = generator.chain();
    Result<Rule> rule = compile_rule(text);
    ASSERT_TRUE(rule.ok()) << text.transform << ": " << rule.error().message;
    std::vector<Rule> rules;
    rules.push_back(std::move(rule).value());
    const std::string document_text = generator.json(4);
    const Result<json::Document> document = json::Document::parse(document_text);
    ASSERT_TRUE(document.ok()) << document_text;
    const Mapped mapped = FieldMap(std::move(rules))
                              .apply(document.value().root(), values, Direction::inbound, Operation::create);
    for (const MappedField& field : mapped.fields) {
      ASSERT_TRUE(json::Document::parse(field.value.to_json()).ok())
          << text.transform << " of " << document_text;
    }
    for (const Problem& problem : mapped.problems) {
      ASSERT_NE(problem.message.find("\"target\""), std::string::npos) << problem.message;
      ASSERT_NE(problem.message.find("(rule: "), std::string::npos) << problem.message;
    }
    fields_seen += mapped.fields.size();
    problems_seen += mapped.problems.size();
  }
  EXPECT_GT(fields_seen, 1000U);
  EXPECT_GT(problems_seen, 1000U);
}

}  // namespace
}  // namespace cmms::mapping
