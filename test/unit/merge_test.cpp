// The three-way merge: every owner, every constellation.
#include "core/merge/merge.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/json/equal.hpp"
#include "core/json/jansson.hpp"

namespace cmms::merge {
namespace {

json::Document parse(const std::string& text) { return json::Document::parse(text).value(); }

struct Case {
  Owner owner;
  const char* said;
  const char* base;  // empty: nothing was said before
  const char* ours;
  bool is_unsent;
  bool awaits_answer;
  bool provider_is_newer;
  Decision expected;
};

class Decide : public testing::TestWithParam<Case> {};

TEST_P(Decide, GivesTheFieldToOneSide) {
  const Case& given = GetParam();
  const json::Document said = parse(given.said);
  const json::Document ours = parse(given.ours);
  const std::string base_text = given.base;
  const json::Document base = parse(base_text.empty() ? "null" : base_text);
  FieldView field{.said = said.root(),
                  .base = std::nullopt,
                  .ours = ours.root(),
                  .owner = given.owner,
                  .is_unsent = given.is_unsent};
  if (!base_text.empty()) field.base = base.root();
  const Decision decision =
      decide(field, {.awaits_answer = given.awaits_answer, .provider_is_newer = given.provider_is_newer});
  EXPECT_EQ(decision_name(decision), decision_name(given.expected));
}

constexpr bool unsent = true;
constexpr bool settled = false;
constexpr bool in_flight = true;
constexpr bool newer = true;

INSTANTIATE_TEST_SUITE_P(
    Fields, Decide,
    testing::Values(
        // The provider repeats itself: no news, whatever we made of the field.
        Case{Owner::newest, R"("a")", R"("a")", R"("b")", unsent, false, newer, Decision::unchanged},
        Case{Owner::manual, R"("a")", R"("a")", R"("b")", settled, false, newer, Decision::unchanged},
        Case{Owner::newest, "183.05", "183.050", "1", settled, false, newer, Decision::unchanged},
        // Only the provider changed it.
        Case{Owner::newest, R"("a")", R"("b")", R"("b")", settled, false, false, Decision::taken},
        Case{Owner::newest, R"("a")", "", "null", settled, false, false, Decision::taken},
        Case{Owner::newest, "null", R"("b")", R"("b")", settled, false, false, Decision::taken},
        Case{Owner::provider, R"("a")", R"("b")", R"("b")", settled, false, false, Decision::taken},
        Case{Owner::hub, R"("a")", R"("b")", R"("b")", settled, false, newer, Decision::kept_for_owner},
        Case{Owner::manual, R"("a")", R"("b")", R"("b")", settled, false, newer, Decision::conflict_open},
        Case{Owner::manual, R"("a")", R"("b")", R"("a")", settled, false, newer, Decision::agreed},
        // Our change has no answer yet.
        Case{Owner::provider, R"("a")", R"("b")", R"("c")", unsent, in_flight, newer, Decision::kept_unsent},
        Case{Owner::manual, R"("a")", "", R"("c")", unsent, in_flight, newer, Decision::kept_unsent},
        // Both sides changed it.
        Case{Owner::newest, R"("a")", R"("b")", R"("a")", unsent, false, false, Decision::agreed},
        Case{Owner::newest, R"("a")", R"("b")", R"("c")", unsent, false, newer, Decision::conflict_taken},
        Case{Owner::newest, R"("a")", R"("b")", R"("c")", unsent, false, false, Decision::conflict_kept},
        Case{Owner::provider, R"("a")", R"("b")", R"("c")", unsent, false, false, Decision::conflict_taken},
        Case{Owner::hub, R"("a")", R"("b")", R"("c")", unsent, false, newer, Decision::conflict_kept},
        Case{Owner::manual, R"("a")", R"("b")", R"("c")", unsent, false, newer, Decision::conflict_open}));

// A later change of ours waits while the provider speaks of the one before.
TEST(MergeEchoes, AnEarlierValueOfOursIsNoNewsForAnyOwner) {
  const json::Document said = parse(R"("sent before")");
  const json::Document base = parse(R"("old")");
  const json::Document ours = parse(R"("new")");
  for (const Owner owner : {Owner::newest, Owner::provider, Owner::hub, Owner::manual}) {
    const FieldView field{.said = said.root(),
                          .base = base.root(),
                          .ours = ours.root(),
                          .owner = owner,
                          .is_unsent = true,
                          .is_echo = true};
    const Decision decision = decide(field, {.awaits_answer = false, .provider_is_newer = true});
    EXPECT_EQ(decision_name(decision), decision_name(Decision::kept_unsent)) << owner_name(owner);
  }
}

TEST(MergeNames, OwnersAreReadAndWritten) {
  for (const Owner owner : {Owner::newest, Owner::provider, Owner::hub, Owner::manual}) {
    EXPECT_EQ(parse_owner(owner_name(owner)), owner);
  }
  EXPECT_EQ(parse_owner("nobody"), std::nullopt);
}

TEST(MergeDecisions, WhatStopsBeingSentIsWhatOursLost) {
  EXPECT_TRUE(ends_unsent(Decision::conflict_taken));
  EXPECT_TRUE(ends_unsent(Decision::conflict_open));
  EXPECT_TRUE(ends_unsent(Decision::agreed));
  EXPECT_FALSE(ends_unsent(Decision::conflict_kept));
  EXPECT_FALSE(ends_unsent(Decision::kept_unsent));
  EXPECT_FALSE(takes_value(Decision::conflict_open));
}

TEST(JsonEqual, ComparesAsJsonbDoes) {
  const std::vector<std::pair<std::string, std::string>> same = {
      {"1.50", "1.5"},      {"-0.0", "0"},   {"2.0", "2"}, {R"({"a":1,"b":[2]})", R"({"b":[2.0],"a":1})"},
      {R"("x")", R"("x")"}, {"null", "null"}};
  for (const auto& [left, right] : same) {
    const json::Document one = parse(left);
    const json::Document other = parse(right);
    EXPECT_TRUE(json::equal(one.root(), other.root())) << left << " " << right;
  }
  const std::vector<std::pair<std::string, std::string>> different = {{"10", "1"},
                                                                      {R"({"a":1})", R"({"a":1,"b":null})"},
                                                                      {"[1,2]", "[2,1]"},
                                                                      {R"("1")", "1"},
                                                                      {"null", "false"}};
  for (const auto& [left, right] : different) {
    const json::Document one = parse(left);
    const json::Document other = parse(right);
    EXPECT_FALSE(json::equal(one.root(), other.root())) << left << " " << right;
  }
}

}  // namespace
}  // namespace cmms::merge
