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

}  // namespace
}  // namespace cmms::mapping
