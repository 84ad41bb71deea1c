// Where the token of a show comes from, and where it does not go.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "client.h"
#include "client_credential.h"

namespace onelight {
namespace {

class Credential : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/onelight-token-XXXXXX";
    close(mkstemp(name));
    path_ = name;
    unsetenv("ONELIGHT_TOKEN");
    unsetenv("ONELIGHT_TOKEN_FILE");
  }
  void TearDown() override {
    unsetenv("ONELIGHT_TOKEN");
    unsetenv("ONELIGHT_TOKEN_FILE");
    unlink(path_.c_str());
  }
  void write(const std::string &text, mode_t mode = 0600) {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), mode);
    setenv("ONELIGHT_TOKEN_FILE", path_.c_str(), 1);
  }
  std::string path_;
};

TEST_F(Credential, ThereIsNoneWhereNothingIsSet) {
  EXPECT_EQ(token(), "");
  setenv("ONELIGHT_TOKEN", "", 1);
  EXPECT_EQ(token(), "");
}

TEST_F(Credential, AFileOfThisUsersAloneHoldsIt) {
  write("  onelight_0a_1b\n");
  EXPECT_EQ(token(), "onelight_0a_1b");
  for (const mode_t open_to_others : {0640u, 0604u, 0620u}) {
    write("onelight_0a_1b", open_to_others);
    EXPECT_THROW(token(), Error);
  }
}

TEST_F(Credential, WhatCannotBeATokenIsRefused) {
  for (const char *text : {"", "\n", "two words", "one\ntwo", "onelight\x01", "onelight\xc3\xa4"}) {
    write(text);
    EXPECT_THROW(token(), Error) << text;
  }
  write(std::string(5000, 'a'));
  EXPECT_THROW(token(), Error);
  setenv("ONELIGHT_TOKEN_FILE", "/nowhere/token", 1);
  EXPECT_THROW(token(), Error);
  setenv("ONELIGHT_TOKEN_FILE", "/tmp", 1);
  EXPECT_THROW(token(), Error);
}

TEST_F(Credential, ItGoesOnlyWhereNobodyElseReadsItAndOnlyForAShow) {
  setenv("ONELIGHT_TOKEN", "onelight_0a_1b", 1);
  EXPECT_EQ(token_for("apollo", true, "unix:/s"), "onelight_0a_1b");
  EXPECT_THROW(token_for("apollo", false, "render12:8001"), Error);
  EXPECT_EQ(token_for("base", false, "render12:8001"), "");
}

TEST_F(Credential, TheBuiltInShowDoesNotMindABrokenOne) {
  write("no token", 0644);
  EXPECT_EQ(token_for("base", true, "unix:/s"), "");
}

}  // namespace
}  // namespace onelight
