// Value maps: exact, folded, never a guess.
#include "core/mapping/value_map.hpp"

#include <gtest/gtest.h>

namespace cmms::mapping {
namespace {

TEST(ValueMap, PrefersTheExactValue) {
  ValueMap map;
  EXPECT_TRUE(map.empty());
  EXPECT_FALSE(map.find("Open"));
  map.add("Open", "requested");
  map.add("OPEN", "approved");
  EXPECT_FALSE(map.empty());
  EXPECT_EQ(map.find("Open"), "requested");
  EXPECT_EQ(map.find("OPEN"), "approved");
}

TEST(ValueMap, FoldsCaseAndSeparators) {
  ValueMap map;
  map.add("In Progress", "in_progress");
  for (const char* spelling :
       {"in progress", "IN_PROGRESS", "In-Progress", "in  -_progress", " In Progress\n"}) {
    EXPECT_EQ(map.find(spelling), "in_progress") << spelling;
  }
  for (const char* other : {"inprogress", "in progress!", "_in_progress", "", " "}) {
    EXPECT_FALSE(map.find(other)) << other;
  }
}

TEST(ValueMap, FoldsAsciiOnly) {
  ValueMap map;
  map.add("Größe", "size");
  EXPECT_EQ(map.find("gRöße"), "size");
  EXPECT_FALSE(map.find("GRÖSSE"));
}

TEST(ValueMap, DoesNotChooseBetweenSpellingsThatDisagree) {
  ValueMap map;
  map.add("On-Hold", "on_hold");
  map.add("on hold", "assigned");
  EXPECT_EQ(map.find("On-Hold"), "on_hold");
  EXPECT_FALSE(map.find("ON HOLD"));
  map.add("on hold", "on_hold");  // now they agree
  EXPECT_EQ(map.find("ON HOLD"), "on_hold");
}

TEST(ValueMap, AnOverlayReplacesItsSource) {
  ValueMap map;
  map.add("Open", "requested");
  map.add("Open", "triaged");
  EXPECT_EQ(map.find("Open"), "triaged");
  EXPECT_EQ(map.find("open"), "triaged");
  map.add("", "none");
  EXPECT_EQ(map.find(""), "none");
  EXPECT_EQ(map.find("  "), "none");
}

TEST(ValueMap, AnExactRuleMatchesNothingElse) {
  ValueMap map;
  map.add({"OPEN", "approved", Match::exact});
  EXPECT_EQ(map.find("OPEN"), "approved");
  EXPECT_FALSE(map.find("Open"));
  map.add("Open", "requested");
  EXPECT_EQ(map.find("open"), "requested");
  EXPECT_EQ(map.find("OPEN"), "approved");
}

TEST(ValueMap, TheCodeOfTheLowestPrecedenceCounts) {
  ValueMap map;
  map.add({"DLFL", "cancelled", Match::contains_code, 1});
  map.add({"CLSD", "closed", Match::contains_code, 2});
  map.add({"TECO", "completed", Match::contains_code, 3});
  map.add({"CNF", "completed", Match::contains_code, 4});
  map.add({"PCNF", "in_progress", Match::contains_code, 5});
  map.add({"REL", "approved", Match::contains_code, 6});
  map.add({"CRTD", "requested", Match::contains_code, 7});
  EXPECT_EQ(map.find("REL  CNF  PRC  SETC"), "completed");
  EXPECT_EQ(map.find("CRTD MANC NMAT"), "requested");
  EXPECT_EQ(map.find("REL,PCNF;DLFL"), "cancelled");
  EXPECT_EQ(map.find("rel"), "approved");
  for (const char* other : {"", "RELE", "PRC SETC", "XREL"}) EXPECT_FALSE(map.find(other)) << other;
}

TEST(ValueMap, CodesOfOnePrecedenceThatDisagreeGiveNone) {
  ValueMap map;
  map.add({"A", "requested", Match::contains_code});
  map.add({"B", "approved", Match::contains_code});
  map.add({"C", "requested", Match::contains_code});
  EXPECT_EQ(map.find("A C"), "requested");
  EXPECT_FALSE(map.find("A B"));
  map.add({"*", "triaged", Match::default_value});
  EXPECT_EQ(map.find("A B"), "triaged");
  EXPECT_FALSE(map.find_stated("A B"));
}

TEST(ValueMap, AnExactPairComesBeforeAnySecond) {
  ValueMap map;
  map.add({"DONE + *", "completed", Match::pair});
  map.add({"DONE + CANCELED", "cancelled", Match::pair});
  EXPECT_EQ(map.find("DONE + CANCELED"), "cancelled");
  EXPECT_EQ(map.find("done + canceled"), "cancelled");
  EXPECT_EQ(map.find("Done + Skipped"), "completed");
  EXPECT_EQ(map.find("DONE"), "completed");
  EXPECT_FALSE(map.find("OPEN + CANCELED"));
  map.add({"Done + *", "closed", Match::pair});  // another spelling that disagrees
  EXPECT_FALSE(map.find("DONE"));
}

TEST(ValueMap, TheDefaultComesLast) {
  ValueMap map;
  EXPECT_TRUE(map.empty());
  map.add({"*", "triaged", Match::default_value});
  EXPECT_FALSE(map.empty());
  map.add("Open", "requested");
  EXPECT_EQ(map.find("open"), "requested");
  EXPECT_EQ(map.find("whatever"), "triaged");
  EXPECT_EQ(map.find("*"), "triaged");
}

TEST(ValueMap, ChecksRules) {
  EXPECT_TRUE(check_value_rule({"any thing", "x"}).ok());
  EXPECT_TRUE(check_value_rule({"*", "x", Match::default_value}).ok());
  EXPECT_TRUE(check_value_rule({"a + b", "x", Match::pair}).ok());
  EXPECT_TRUE(check_value_rule({"CNF", "x", Match::contains_code}).ok());
  for (const ValueRule& bad :
       {ValueRule{"x", "y", Match::default_value}, ValueRule{"a+b", "y", Match::pair},
        ValueRule{" + b", "y", Match::pair}, ValueRule{"CNF PRC", "y", Match::contains_code},
        ValueRule{"", "y", Match::contains_code}, ValueRule{"A;", "y", Match::contains_code}}) {
    EXPECT_FALSE(check_value_rule(bad).ok()) << bad.source;
  }
}

TEST(ValueMap, NamesItsWaysOfMatching) {
  EXPECT_EQ(match_names(), "folded, exact, contains_code, pair, default");
  EXPECT_EQ(parse_match("pair"), Match::pair);
  EXPECT_EQ(match_name(Match::default_value), "default");
  EXPECT_FALSE(parse_match("fuzzy"));
}

}  // namespace
}  // namespace cmms::mapping
