// What a tool's table means: neutral settings, presets, ramps, what travels with a frame.
#include "knobs.h"

#include <gtest/gtest.h>

namespace onelight {
namespace {

using table::Kind;
using table::StringMode;

constexpr table::Option kinds[] = {{"soft", "Soft", ""}, {"hard", "Hard", ""}};

constexpr table::Knob number(const char *name, double initial, table::Value neutral, bool pixels = false,
                             bool affects_render = true) {
  return {Kind::Float,
          name,
          name,
          "",
          "",
          {table::Value::Numbers, {initial}},
          neutral,
          {-100, 100},
          {0, 1},
          3,
          StringMode::Line,
          pixels,
          true,
          affects_render,
          false,
          false,
          "",
          {}};
}

constexpr table::Knob knobs[] = {
    number("level", 0, {table::Value::Numbers, {0}}),
    number("present", 45, {}),
    number("key", 45, {table::Value::SameAs, {}, "present"}),
    number("size", 8, {}, true),
    number("hour", 12, {}, false, false),
    {Kind::Choice,
     "look",
     "Look",
     "",
     "",
     {table::Value::Text, {}, "soft"},
     {table::Value::Text, {}, "soft"},
     {},
     {},
     0,
     StringMode::Line,
     false,
     true,
     true,
     false,
     false,
     "",
     kinds},
    {Kind::Bool,
     "flag",
     "Flag",
     "",
     "",
     {table::Value::Numbers, {0}},
     {table::Value::Numbers, {0}},
     {},
     {},
     0,
     StringMode::Line,
     false,
     true,
     true,
     false,
     false,
     "",
     {}},
    {Kind::Colour,
     "tint",
     "Tint",
     "",
     "",
     {table::Value::Numbers, {1, 1, 1}},
     {table::Value::Numbers, {1, 1, 1}},
     {},
     {},
     0,
     StringMode::Line,
     false,
     true,
     true,
     false,
     false,
     "",
     {}},
    {Kind::Int,
     "count",
     "Count",
     "",
     "",
     {table::Value::Numbers, {3}},
     {},
     {0, 9},
     {0, 9},
     0,
     StringMode::Line,
     false,
     true,
     true,
     false,
     false,
     "",
     {}},
};
constexpr table::Setting as_shot_settings[] = {{"key", {table::Value::SameAs, {}, "present"}},
                                               {"level", {table::Value::Numbers, {0}}}};
constexpr table::Setting night_settings[] = {{"level", {table::Value::Numbers, {-3.5}}},
                                             {"look", {table::Value::Text, {}, "hard"}},
                                             {"flag", {table::Value::Numbers, {1}}},
                                             {"count", {table::Value::Numbers, {7}}}};
constexpr table::Option preset_names[] = {{"as_shot", "As shot", ""}, {"night", "Night", ""}};
constexpr table::Preset presets[] = {{"as_shot", "As shot", as_shot_settings}, {"night", "Night", night_settings}};
constexpr table::Setting dawn[] = {{"level", {table::Value::Numbers, {-2}}}, {"count", {table::Value::Numbers, {0}}}};
constexpr table::Setting noon[] = {{"level", {table::Value::Numbers, {1}}}, {"count", {table::Value::Numbers, {9}}}};
constexpr table::Stop stops[] = {{6, dawn}, {12, noon}};
constexpr table::Ramp ramps[] = {{"hour", stops}};
constexpr table::Option passes[] = {{"result", "Result", ""}, {"map", "Map", ""}};
constexpr table::Tool tool = {"toy", "org.test.toy", "Toy",  "",       1,       true,  false, {},
                              {},    knobs,          passes, "preset", presets, ramps, "",    ""};

// Knobs at their defaults until a test turns one.
class Knobs : public testing::Test {
 protected:
  Knobs() {
    for (const table::Knob &knob : tool.knobs) values[knob.name] = resolve(knob, knob.initial, {});
    values["preset"] = std::string("as_shot");
  }
  Reader read = [this](const char *name) { return values.at(name); };
  std::map<std::string, KnobValue> values;

  std::map<std::string, KnobValue> written(const char *knob) {
    std::map<std::string, KnobValue> result;
    for (const auto &[target, value] : writes_of(tool, knob, read)) result[target->name] = value;
    return result;
  }
};

TEST_F(Knobs, AtTheirDefaultsAreNeutral) { EXPECT_TRUE(is_neutral(tool, read)); }

TEST_F(Knobs, AnyOneAwayFromItsNeutralValueIsWork) {
  const std::pair<const char *, KnobValue> turned[] = {
      {"level", 1e-9}, {"look", std::string("hard")}, {"flag", true}, {"tint", Colour{1, 1, 1.001}}, {"key", 44.0}};
  for (const auto &[name, value] : turned) {
    const KnobValue before = std::exchange(values[name], value);
    EXPECT_FALSE(is_neutral(tool, read)) << name;
    values[name] = before;
  }
}

TEST_F(Knobs, AKnobThatFollowsAnotherIsComparedWithIt) {
  values["present"] = 30.0;
  EXPECT_FALSE(is_neutral(tool, read));
  values["key"] = 30.0;
  EXPECT_TRUE(is_neutral(tool, read));
}

TEST_F(Knobs, OneWithoutADeclaredNeutralValueDoesNotMatter) {
  values["size"] = 99.0;
  EXPECT_TRUE(is_neutral(tool, read));
}

TEST_F(Knobs, AToolThatDeclaresNoneIsNeverNeutral) {
  table::Tool bare = tool;
  bare.knobs = {};
  EXPECT_FALSE(is_neutral(bare, read));
}

TEST_F(Knobs, APresetWritesEveryKindOfKnob) {
  values["preset"] = std::string("night");
  const std::map<std::string, KnobValue> expected = {
      {"level", -3.5}, {"look", std::string("hard")}, {"flag", true}, {"count", int64_t(7)}};
  EXPECT_EQ(written("preset"), expected);
}

TEST_F(Knobs, AsShotCopiesWhatTheOtherKnobHasNow) {
  values["present"] = 12.5;
  const std::map<std::string, KnobValue> expected = {{"key", 12.5}, {"level", 0.0}};
  EXPECT_EQ(written("preset"), expected);
}

TEST_F(Knobs, ARampIsLinearBetweenItsStopsAndHeldBeyond) {
  values["hour"] = 9.0;
  EXPECT_EQ(std::get<double>(written("hour")["level"]), -0.5);
  EXPECT_EQ(std::get<int64_t>(written("hour")["count"]), 5) << "4.5, rounded to a whole number";
  values["hour"] = 3.0;
  EXPECT_EQ(std::get<double>(written("hour")["level"]), -2.0);
  values["hour"] = 23.0;
  EXPECT_EQ(std::get<double>(written("hour")["level"]), 1.0);
  values["hour"] = 6.0;
  EXPECT_EQ(std::get<double>(written("hour")["level"]), -2.0);
}

TEST_F(Knobs, AnyOtherKnobWritesNothing) { EXPECT_TRUE(written("level").empty()); }

TEST_F(Knobs, AsShotFindsThoseThatFollow) {
  auto found = as_shot(tool, read);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_STREQ(found[0].first->name, "key");
  EXPECT_STREQ(found[0].second, "present");
  values["key"] = 44.0;
  EXPECT_TRUE(as_shot(tool, read).empty());
}

TEST_F(Knobs, TravelByNameWithPixelsScaledAndColoursInThree) {
  const auto wire = wire_knobs(tool, read, 0.5);
  EXPECT_EQ(wire.at("size"), Value(4.0)) << "8 full-size pixels at half size";
  EXPECT_EQ(wire.at("present"), Value(45.0));
  EXPECT_EQ(wire.at("look"), Value(std::string("soft")));
  EXPECT_EQ(wire.at("flag"), Value(false));
  EXPECT_EQ(wire.at("count"), Value(int64_t(3)));
  EXPECT_EQ(wire.at("tint.g"), Value(1.0));
  EXPECT_EQ(wire.count("tint"), 0u);
  EXPECT_EQ(wire.count("hour"), 0u) << "steers other knobs only";
}

TEST_F(Knobs, ThoseOfAnotherFrameAreNamedByItsOffsetWhereTheyDiffer) {
  const auto here = wire_knobs(tool, read, 1);
  EXPECT_TRUE(changed_at(5, here, here).empty());
  values["present"] = 50.0;
  values["tint"] = Colour{1, 0.5, 1};
  values["hour"] = 18.0;
  const std::map<std::string, Value> later = {{"present@+5", 50.0}, {"tint.g@+5", 0.5}};
  EXPECT_EQ(changed_at(5, here, wire_knobs(tool, read, 1)), later);
  EXPECT_EQ(changed_at(-12, here, wire_knobs(tool, read, 1)).begin()->first, "present@-12");
}

TEST_F(Knobs, AnAnswerIsTakenAsTheKnobsOwnType) {
  KnobValue value;
  EXPECT_TRUE(from_wire(*find_knob(tool, "level"), Value(int64_t(2)), &value));
  EXPECT_EQ(value, KnobValue(2.0));
  EXPECT_TRUE(from_wire(*find_knob(tool, "flag"), Value(true), &value));
  EXPECT_EQ(value, KnobValue(true));
  EXPECT_FALSE(from_wire(*find_knob(tool, "level"), Value(true), &value));
  EXPECT_FALSE(from_wire(*find_knob(tool, "level"), Value(std::string("2")), &value));
  EXPECT_FALSE(from_wire(*find_knob(tool, "flag"), Value(1.0), &value));
  EXPECT_FALSE(from_wire(*find_knob(tool, "tint"), Value(1.0), &value));
}

TEST_F(Knobs, TheMenuOfPassesIsTheTools) {
  const table::Knob *output = find_knob(tool, "output");
  ASSERT_NE(output, nullptr);
  EXPECT_STREQ(options(tool, *output)[1].name, "map");
  EXPECT_EQ(options(tool, *find_knob(tool, "look")).size, 2u);
}

}  // namespace
}  // namespace onelight
