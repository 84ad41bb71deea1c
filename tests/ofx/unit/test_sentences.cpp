// Sentences on their way to a host.
#include <gtest/gtest.h>

#include <cstdarg>
#include <cstdio>
#include <string>
#include <vector>

#include "message.h"

namespace onelight {
namespace {

std::vector<std::string> *shown;
int cleared;

// A host as it should be: the format is printed.
ofx::Status print(void *, const char *, const char *, const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  shown->push_back(text);
  return ofx::StatOK;
}
ofx::Status clear(void *) {
  ++cleared;
  return ofx::StatOK;
}

class Sentences : public testing::Test {
 protected:
  Sentences() {
    shown = &texts;
    cleared = 0;
  }
  std::vector<std::string> texts;
  Suites suites;
};

TEST_F(Sentences, KeepTheirPercentSignsInEveryHost) {
  EXPECT_EQ(escaped("disk 100% full: %s %d"), "disk 100%% full: %%s %%d");
  const ofx::MessageSuiteV2 suite{print, print, clear};
  suites.persistent = &suite;
  Messages messages(suites, nullptr);
  messages.error("50% done, %n");
  EXPECT_EQ(texts, std::vector<std::string>{"50% done, %n"});
}

TEST_F(Sentences, BeginWithTheToolsNameOnce) {
  EXPECT_EQ(sentence("Relight", "press Analyse shot"), "Relight: press Analyse shot");
  EXPECT_EQ(sentence("Relight", "Relight has no knob 'x'."), "Relight has no knob 'x'.");
}

TEST_F(Sentences, AreClearedOnlyWhereOneWasShown) {
  const ofx::MessageSuiteV2 suite{print, print, clear};
  suites.persistent = &suite;
  Messages messages(suites, nullptr);
  messages.clear();
  EXPECT_EQ(cleared, 0);
  messages.warn("choose");
  messages.clear();
  messages.clear();
  EXPECT_EQ(cleared, 1);
}

TEST_F(Sentences, SurviveAHostWhoseSecondSuiteIsHollow) {
  const ofx::MessageSuiteV2 hollow{nullptr, nullptr, nullptr};
  const ofx::MessageSuiteV1 plain{print};
  suites.persistent = &hollow;
  suites.messages = &plain;
  Messages messages(suites, nullptr);
  messages.error("no server");
  messages.error("no server");
  EXPECT_EQ(texts.size(), 1u) << "one message box, not one for each frame";
  messages.clear();
  messages.error("no server");
  EXPECT_EQ(texts.size(), 2u) << "it came again after a frame that worked";
}

}  // namespace
}  // namespace onelight
