// ModelInfer messages framed by hand: protobuf sees the head only, pixels go by as slices without being copied.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client.h"
#include "onelight/wire/inference.pb.h"
#include "pool.h"

namespace onelight {

// One frame on its way: the pixels sit in `segment`, and travel in one of three ways.
struct Frame {
  enum class Way { Inline, Shared, Reference };
  const Tensor *tensor = nullptr;
  std::size_t bytes = 0;
  std::shared_ptr<Segment> segment;
  Way way = Way::Inline;
  std::string region;  // Shared: the name under which the server knows the segment
  std::string hash;    // Reference: the frame's content hash
};

struct Output {
  std::size_t bytes = 0;
  std::shared_ptr<Segment> segment;  // where the server writes, or null for inline bytes
  std::string region;
};

const char *datatype_of(bool half);  // as the protocol names it
std::size_t tensor_bytes(int width, int height, bool half);

// XXH3-128 of the pixels followed by "<datatype>:<height>x<width>", as 32 hex digits.
std::string content_hash(const void *pixels, const Tensor &tensor);

// A view of `bytes` of a segment, which stays alive for as long as gRPC holds the slice.
grpc::Slice slice_of(std::shared_ptr<Segment> segment, std::size_t bytes);

// A protobuf message of any size, as gRPC sends it.
grpc::ByteBuffer serialised(const google::protobuf::MessageLite &head);
// The same, followed by one length-delimited field whose contents are `pixels`, unparsed and uncopied.
grpc::ByteBuffer serialised(const google::protobuf::MessageLite &head, int field, grpc::Slice pixels);
bool parse(const grpc::ByteBuffer &buffer, google::protobuf::MessageLite *message);

grpc::ByteBuffer encode(const Request &request, const std::vector<Frame> &frames, const Output &output);

// A ModelInferResponse taken apart: the head parsed, raw contents left where they are in the received slices.
class Answer {
 public:
  // Throws Error(Internal) when the bytes are not such a message.
  explicit Answer(const grpc::ByteBuffer &buffer);
  const inference::ModelInferResponse &head() const { return head_; }
  std::map<std::string, Value> parameters() const;
  std::size_t raw_count() const { return raw_.size(); }
  std::size_t raw_bytes(std::size_t index) const { return raw_.at(index).length; }
  // Where the bytes lie in one slice a pointer to them, else a copy put together in what `scratch` gives.
  const void *raw(std::size_t index, const std::function<void *(std::size_t)> &scratch) const;

 private:
  struct Span {
    std::size_t slice, offset, length;
  };
  std::vector<grpc::Slice> slices_;
  inference::ModelInferResponse head_;
  std::vector<Span> raw_;
};

// Checks that the answer holds the Output that was asked for, and hands its pixels to request.read.
// Throws Error(Internal) naming what differs.
void hand_over(const Request &request, const Answer &answer, const Output &output, Pool &scratch);

}  // namespace onelight
