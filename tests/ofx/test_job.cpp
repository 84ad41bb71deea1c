// What a background job's frames have to be computed with, as the client remembers it.
#include <gtest/gtest.h>

#include <cstdlib>

#include "client_job.h"

namespace onelight {
namespace {

Request asked(const std::string &show, const std::string &version, const std::string &priority) {
  Request request;
  request.show = show;
  request.tool = "relight";
  request.version = version;
  request.parameters["frame.priority"] = priority;
  return request;
}

Reply computed(const std::string &provider, const std::string &runtime, const std::string &state = "approved") {
  Reply reply;
  reply.parameters = {{"provider", provider}, {"runtime", runtime}};
  if (!state.empty()) reply.parameters["state"] = state;
  return reply;
}

std::string pinned(Request request, const char *name) {
  pin_job(&request);
  const auto found = request.parameters.find(name);
  return found == request.parameters.end() ? "" : std::get<std::string>(found->second);
}

class Job : public ::testing::Test {
 protected:
  void SetUp() override { unsetenv("ONELIGHT_PROVIDER"); }
  void TearDown() override { unsetenv("ONELIGHT_PROVIDER"); }
};

TEST_F(Job, TheFirstFrameDecidesForTheOthers) {
  const Request frame = asked("first", "v001", "farm");
  EXPECT_EQ(pinned(frame, "frame.provider"), "");
  check_job(frame, computed("CUDAExecutionProvider", "onnxruntime 1.20.1"));
  EXPECT_EQ(pinned(frame, "frame.provider"), "CUDAExecutionProvider");
  EXPECT_EQ(pinned(frame, "frame.runtime"), "onnxruntime 1.20.1");
  EXPECT_THROW(check_job(frame, computed("CPUExecutionProvider", "onnxruntime 1.20.1")), Error);
  EXPECT_THROW(check_job(frame, computed("CUDAExecutionProvider", "onnxruntime 1.21.0")), Error);
  check_job(frame, computed("CUDAExecutionProvider", "onnxruntime 1.20.1"));
}

TEST_F(Job, AnotherVersionOrShowIsAnotherJob) {
  check_job(asked("second", "v001", "farm"), computed("CUDAExecutionProvider", "onnxruntime 1.20.1"));
  check_job(asked("second", "v002", "farm"), computed("CPUExecutionProvider", "onnxruntime 1.20.1"));
  check_job(asked("third", "v001", "farm"), computed("CPUExecutionProvider", "onnxruntime 1.20.1"));
}

TEST_F(Job, AnArtistWhoLooksAndWhatHasNoStateAreFree) {
  for (const Request &frame : {asked("fourth", "v001", "interactive"), asked("fourth", "", "farm")}) {
    check_job(frame, computed("CUDAExecutionProvider", "onnxruntime 1.20.1"));
    check_job(frame, computed("CPUExecutionProvider", "onnxruntime 1.21.0"));
    EXPECT_EQ(pinned(frame, "frame.provider"), "");
  }
  const Request plain = asked("base", "soundstage2", "farm");
  check_job(plain, computed("CUDAExecutionProvider", "onnxruntime 1.20.1", ""));
  check_job(plain, computed("CPUExecutionProvider", "onnxruntime 1.20.1", ""));
  const Request function = asked("fifth", "v001", "farm");
  check_job(function, computed("cpu", "numpy 2.4.6"));
  check_job(function, computed("cpu", "numpy 2.4.7"));
}

TEST_F(Job, TheEnvironmentDecidesForAWholeFarm) {
  setenv("ONELIGHT_PROVIDER", "CPUExecutionProvider", 1);
  const Request frame = asked("sixth", "v001", "farm");
  EXPECT_EQ(pinned(frame, "frame.provider"), "CPUExecutionProvider");
  EXPECT_EQ(pinned(frame, "frame.runtime"), "");
  check_job(frame, computed("CPUExecutionProvider", "onnxruntime 1.20.1"));
  EXPECT_THROW(check_job(frame, computed("CUDAExecutionProvider", "onnxruntime 1.20.1")), Error);
}

}  // namespace
}  // namespace onelight
