// The hand-framed messages are what protobuf itself would read and write, however gRPC cuts them into slices.
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "client_message.h"

namespace onelight {
namespace {

class Message : public testing::Test {
 protected:
  Pool pool{Pool::Kind::Private, "test", 64 << 20};

  Frame frame(const Tensor &tensor, uint8_t value) {
    Frame made;
    made.tensor = &tensor;
    made.bytes = tensor_bytes(tensor.width, tensor.height, tensor.half);
    made.segment = pool.take(made.bytes);
    std::memset(made.segment->data, value, made.bytes);
    return made;
  }
  static Tensor tensor(const std::string &name, bool half) {
    Tensor made;
    made.name = name;
    made.width = 300;
    made.height = 200;
    made.half = half;
    return made;
  }
  static inference::ModelInferRequest read(const grpc::ByteBuffer &buffer) {
    inference::ModelInferRequest request;
    EXPECT_TRUE(parse(buffer, &request));
    return request;
  }
};

TEST_F(Message, InlineFramesAreRawContentsInTheOrderOfTheInputs) {
  const Tensor source = tensor("Source@+0", true), before = tensor("Source@-1", true);
  Request request;
  request.show = "moor";
  request.tool = "relight";
  request.version = "v003";
  request.parameters = {{"key_stops", 1.5}, {"on", true}, {"frame.option", int64_t(2)}, {"frame.output", "result"}};
  const auto sent = read(encode(request, {frame(source, 1), frame(before, 2)}, {}));
  EXPECT_EQ(sent.model_name(), "moor/relight");
  EXPECT_EQ(sent.model_version(), "v003");
  EXPECT_EQ(sent.parameters().at("key_stops").double_param(), 1.5);
  EXPECT_TRUE(sent.parameters().at("on").bool_param());
  EXPECT_EQ(sent.parameters().at("frame.option").int64_param(), 2);
  EXPECT_EQ(sent.parameters().at("frame.output").string_param(), "result");
  ASSERT_EQ(sent.inputs_size(), 2);
  EXPECT_EQ(sent.inputs(1).name(), "Source@-1");
  EXPECT_EQ(sent.inputs(1).datatype(), "FP16");
  EXPECT_EQ(sent.inputs(1).shape(0), 200);
  EXPECT_EQ(sent.inputs(1).shape(1), 300);
  EXPECT_EQ(sent.inputs(1).shape(2), 4);
  ASSERT_EQ(sent.raw_input_contents_size(), 2);
  EXPECT_EQ(sent.raw_input_contents(0), std::string(300 * 200 * 8, 1));
  EXPECT_EQ(sent.raw_input_contents(1), std::string(300 * 200 * 8, 2));
  EXPECT_EQ(sent.outputs(0).name(), "Output");
}

TEST_F(Message, AFrameByReferenceLeavesAnEmptyEntryBesideRawOnes) {
  const Tensor source = tensor("Source@+0", false), depth = tensor("Depth@+0", false);
  Frame known = frame(source, 1);
  known.way = Frame::Way::Reference;
  known.hash = "00112233445566778899aabbccddeeff";
  auto sent = read(encode({}, {known, frame(depth, 2)}, {}));
  EXPECT_EQ(sent.inputs(0).parameters().at("content_hash").string_param(), known.hash);
  ASSERT_EQ(sent.raw_input_contents_size(), 2);
  EXPECT_EQ(sent.raw_input_contents(0), "");
  EXPECT_EQ(sent.raw_input_contents(1).size(), 300u * 200 * 16);
  sent = read(encode({}, {known}, {}));
  EXPECT_EQ(sent.raw_input_contents_size(), 0);
}

TEST_F(Message, SharedFramesNameTheirRegionsAndSendNoBytes) {
  const Tensor source = tensor("Source@+0", true);
  Frame shared = frame(source, 1);
  shared.way = Frame::Way::Shared;
  shared.region = "client.1/7";
  Output output;
  output.bytes = 64;
  output.segment = pool.take(64);
  output.region = "client.1/8";
  const auto sent = read(encode({}, {shared}, output));
  EXPECT_EQ(sent.inputs(0).parameters().at("shared_memory_region").string_param(), "client.1/7");
  EXPECT_EQ(sent.inputs(0).parameters().at("shared_memory_byte_size").int64_param(), 300 * 200 * 8);
  EXPECT_EQ(sent.outputs(0).parameters().at("shared_memory_region").string_param(), "client.1/8");
  EXPECT_EQ(sent.outputs(0).parameters().at("shared_memory_byte_size").int64_param(), 64);
  EXPECT_EQ(sent.raw_input_contents_size(), 0);
}

TEST_F(Message, ASliceKeepsItsBufferOutOfThePoolUntilGrpcLetsGo) {
  auto segment = pool.take(1 << 20);
  {
    const grpc::Slice slice = slice_of(segment, 1 << 20);
    segment.reset();
    EXPECT_EQ(pool.idle_bytes(), 0u);
  }
  EXPECT_EQ(pool.idle_bytes(), std::size_t(1) << 20);
}

inference::ModelInferResponse answer_of(int width, int height) {
  inference::ModelInferResponse answer;
  answer.set_model_name("base/probe");
  (*answer.mutable_parameters())["status"].set_string_param("fine");
  (*answer.mutable_parameters())["seconds"].set_double_param(0.25);
  (*answer.mutable_parameters())["nan_replaced"].set_int64_param(3);
  (*answer.mutable_parameters())["analysed"].set_bool_param(true);
  auto &output = *answer.add_outputs();
  output.set_name("Output");
  output.set_datatype("FP16");
  for (const int size : {height, width, 4}) output.add_shape(size);
  std::string pixels(std::size_t(width * height * 8), 0);
  std::iota(pixels.begin(), pixels.end(), char(0));
  answer.add_raw_output_contents(pixels);
  return answer;
}

Request wanting(int width, int height, std::string *into) {
  Request request;
  request.out_width = width;
  request.out_height = height;
  request.out_half = true;
  request.read = [=](const void *from) {
    into->assign(static_cast<const char *>(from), std::size_t(width * height * 8));
  };
  return request;
}

TEST_F(Message, AnAnswerReadsTheSameHoweverItIsCut) {
  const auto sent = answer_of(8, 4);
  const std::string bytes = sent.SerializeAsString();
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    for (const std::size_t piece : {std::size_t(1), std::size_t(7), bytes.size()}) {
      std::vector<grpc::Slice> slices{grpc::Slice(bytes.data(), cut)};
      for (std::size_t at = cut; at < bytes.size(); at += piece) {
        slices.emplace_back(bytes.data() + at, std::min(piece, bytes.size() - at));
      }
      const Answer answer(grpc::ByteBuffer(slices.data(), slices.size()));
      ASSERT_EQ(answer.head().outputs(0).datatype(), "FP16");
      ASSERT_EQ(answer.head().raw_output_contents_size(), 0);
      const auto parameters = answer.parameters();
      ASSERT_EQ(std::get<std::string>(parameters.at("status")), "fine");
      ASSERT_EQ(std::get<double>(parameters.at("seconds")), 0.25);
      ASSERT_EQ(std::get<int64_t>(parameters.at("nan_replaced")), 3);
      ASSERT_EQ(std::get<bool>(parameters.at("analysed")), true);
      std::string got;
      Output output;
      output.bytes = 8 * 4 * 8;
      hand_over(wanting(8, 4, &got), answer, output, pool);
      ASSERT_EQ(got, sent.raw_output_contents(0)) << "cut at " << cut << ", pieces of " << piece;
    }
  }
}

TEST_F(Message, PixelsInOneSliceAreNotCopied) {
  const std::string bytes = answer_of(64, 64).SerializeAsString();
  const grpc::Slice slice(bytes.data(), bytes.size());
  const Answer answer(grpc::ByteBuffer(&slice, 1));
  const void *pixels = answer.raw(0, [](std::size_t) -> void * { throw std::logic_error("asked for room to copy"); });
  EXPECT_EQ(std::memcmp(pixels, bytes.data() + bytes.size() - 64 * 64 * 8, 64 * 64 * 8), 0);
}

TEST_F(Message, ATruncatedOrGarbledAnswerIsAnErrorAndNoCrash) {
  const std::string bytes = answer_of(8, 4).SerializeAsString();
  std::string got;
  Output output;
  output.bytes = 8 * 4 * 8;
  int refused = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const grpc::Slice slice(bytes.data(), length);
    try {
      const Answer answer(grpc::ByteBuffer(&slice, 1));
      hand_over(wanting(8, 4, &got), answer, output, pool);
    } catch (const Error &error) {
      EXPECT_EQ(error.kind, Error::Internal);
      ++refused;
    }
  }
  EXPECT_EQ(refused, int(bytes.size()));
  std::string huge = "\x32";  // raw_output_contents that claims 2^64 - 1 bytes
  huge += std::string(9, '\xff') + '\x01';
  const grpc::Slice slice(huge.data(), huge.size());
  EXPECT_THROW(Answer(grpc::ByteBuffer(&slice, 1)), Error);
}

TEST_F(Message, AnAnswerOfAnotherSizeNamesBothSizes) {
  const std::string bytes = answer_of(8, 4).SerializeAsString();
  const grpc::Slice slice(bytes.data(), bytes.size());
  const Answer answer(grpc::ByteBuffer(&slice, 1));
  std::string got;
  Output output;
  output.bytes = 8 * 5 * 8;
  try {
    hand_over(wanting(8, 5, &got), answer, output, pool);
    FAIL() << "no error";
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("FP16 4x8x4, asked for was FP16 5x8x4"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(got, "");
}

TEST_F(Message, TheContentHashDependsOnShapeAndTypeAsWellAsOnBytes) {
  // From Python's xxhash, as the server computes it: xxh3_128_hexdigest(bytes(range(256)) + b"FP16:4x8") and so on.
  std::vector<uint8_t> pixels(256);
  std::iota(pixels.begin(), pixels.end(), uint8_t(0));
  Tensor tensor;
  tensor.width = 8;
  tensor.height = 4;
  tensor.half = true;
  EXPECT_EQ(content_hash(pixels.data(), tensor), "25e2a3e1544901e68add9ad1019f4738");
  std::swap(tensor.width, tensor.height);
  EXPECT_EQ(content_hash(pixels.data(), tensor), "15643069ed68ac88b1713542bb645e6a");
  tensor.width = 2;
  tensor.height = 8;
  tensor.half = false;
  EXPECT_EQ(content_hash(pixels.data(), tensor), "1d2cc08de798dcd204f7c8195425bc59");
}

}  // namespace
}  // namespace onelight
