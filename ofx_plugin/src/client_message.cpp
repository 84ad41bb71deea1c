#include "client_message.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace onelight {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;
using inference::InferParameter;

void put(InferParameter &parameter, const Value &value) {
  if (const auto *flag = std::get_if<bool>(&value)) parameter.set_bool_param(*flag);
  if (const auto *whole = std::get_if<int64_t>(&value)) parameter.set_int64_param(*whole);
  if (const auto *number = std::get_if<double>(&value)) parameter.set_double_param(*number);
  if (const auto *text = std::get_if<std::string>(&value)) parameter.set_string_param(*text);
}

template <typename Tensorlike>
void put_region(Tensorlike &tensor, const std::string &region, std::size_t bytes) {
  auto &parameters = *tensor.mutable_parameters();
  parameters["shared_memory_region"].set_string_param(region);
  parameters["shared_memory_offset"].set_int64_param(0);
  parameters["shared_memory_byte_size"].set_int64_param(int64_t(bytes));
}

// The tag and length that open a length-delimited field.
grpc::Slice field_head(int field, std::size_t length) {
  uint8_t bytes[16];
  uint8_t *end = CodedOutputStream::WriteTagToArray(
      WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED), bytes);
  end = CodedOutputStream::WriteVarint64ToArray(length, end);
  return grpc::Slice(bytes, std::size_t(end - bytes));
}

grpc::Slice head_slice(const google::protobuf::MessageLite &head) {
  const std::string bytes = head.SerializeAsString();
  return grpc::Slice(bytes.data(), bytes.size());
}

// Walks over slices as if they were one string.
class Cursor {
 public:
  explicit Cursor(const std::vector<grpc::Slice> &slices) : slices_(slices) { settle(); }

  bool end() const { return slice_ == slices_.size(); }
  std::size_t slice() const { return slice_; }
  std::size_t offset() const { return offset_; }

  // Moves on by `count` bytes, appending them to `copy` unless it is null. False when there are not as many.
  bool take(uint64_t count, std::string *copy) {
    while (count > 0) {
      if (end()) return false;
      const std::size_t here = std::size_t(std::min<uint64_t>(count, slices_[slice_].size() - offset_));
      if (copy) copy->append(reinterpret_cast<const char *>(slices_[slice_].begin()) + offset_, here);
      offset_ += here;
      count -= here;
      settle();
    }
    return true;
  }

  bool varint(uint64_t *value, std::string *copy) {
    *value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (end()) return false;
      const uint8_t byte = slices_[slice_].begin()[offset_];
      *value |= shift < 64 ? uint64_t(byte & 0x7f) << shift : 0;
      if (!take(1, copy)) return false;
      if (!(byte & 0x80)) return true;
    }
    return false;
  }

 private:
  void settle() {
    while (slice_ < slices_.size() && offset_ == slices_[slice_].size()) {
      ++slice_;
      offset_ = 0;
    }
  }
  const std::vector<grpc::Slice> &slices_;
  std::size_t slice_ = 0, offset_ = 0;
};

[[noreturn]] void garbled(const std::string &what) {
  throw Error(Error::Internal, "The server's answer is not what the Open Inference Protocol allows: " + what);
}

}  // namespace

const char *datatype_of(bool half) { return half ? "FP16" : "FP32"; }

std::size_t tensor_bytes(int width, int height, bool half) {
  return std::size_t(width) * std::size_t(height) * 4 * (half ? 2 : 4);
}

std::string content_hash(const void *pixels, const Tensor &tensor) {
  const std::string suffix =
      std::string(datatype_of(tensor.half)) + ":" + std::to_string(tensor.height) + "x" + std::to_string(tensor.width);
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t *)> state(XXH3_createState(), XXH3_freeState);
  if (!state) throw std::bad_alloc();
  XXH3_128bits_reset(state.get());
  XXH3_128bits_update(state.get(), pixels, tensor_bytes(tensor.width, tensor.height, tensor.half));
  XXH3_128bits_update(state.get(), suffix.data(), suffix.size());
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state.get()));
  std::string hex;
  for (const uint8_t byte : canonical.digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

grpc::Slice slice_of(std::shared_ptr<Segment> segment, std::size_t bytes) {
  void *data = segment->data;
  const auto done = [](void *held) { delete static_cast<std::shared_ptr<Segment> *>(held); };
  return grpc::Slice(data, bytes, done, new std::shared_ptr<Segment>(std::move(segment)));
}

grpc::ByteBuffer serialised(const google::protobuf::MessageLite &head) {
  const grpc::Slice slice = head_slice(head);
  return grpc::ByteBuffer(&slice, 1);
}

grpc::ByteBuffer serialised(const google::protobuf::MessageLite &head, int field, grpc::Slice pixels) {
  const grpc::Slice slices[] = {head_slice(head), field_head(field, pixels.size()), std::move(pixels)};
  return grpc::ByteBuffer(slices, 3);
}

bool parse(const grpc::ByteBuffer &buffer, google::protobuf::MessageLite *message) {
  grpc::Slice slice;
  return buffer.DumpToSingleSlice(&slice).ok() && message->ParseFromArray(slice.begin(), int(slice.size()));
}

grpc::ByteBuffer encode(const Request &request, const std::vector<Frame> &frames, const Output &output) {
  inference::ModelInferRequest head;
  head.set_model_name(request.show + "/" + request.tool);
  head.set_model_version(request.version);
  for (const auto &[name, value] : request.parameters) put((*head.mutable_parameters())[name], value);
  bool any_inline = false;
  for (const Frame &frame : frames) {
    auto &input = *head.add_inputs();
    input.set_name(frame.tensor->name);
    input.set_datatype(datatype_of(frame.tensor->half));
    for (const int size : {frame.tensor->height, frame.tensor->width, 4}) input.add_shape(size);
    if (frame.way == Frame::Way::Shared) put_region(input, frame.region, frame.bytes);
    if (frame.way == Frame::Way::Reference) {
      (*input.mutable_parameters())["content_hash"].set_string_param(frame.hash);
    }
    any_inline |= frame.way == Frame::Way::Inline;
  }
  if (request.wants_output) {
    auto &wanted = *head.add_outputs();
    wanted.set_name("Output");
    if (output.segment) put_region(wanted, output.region, output.bytes);
  }
  std::vector<grpc::Slice> slices{head_slice(head)};
  for (const Frame &frame : frames) {
    if (!any_inline) break;
    // The protocol wants one entry for each tensor as soon as one is raw, so a reference leaves an empty one.
    const std::size_t bytes = frame.way == Frame::Way::Inline ? frame.bytes : 0;
    slices.push_back(field_head(inference::ModelInferRequest::kRawInputContentsFieldNumber, bytes));
    if (bytes) slices.push_back(slice_of(frame.segment, bytes));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

Answer::Answer(const grpc::ByteBuffer &buffer) {
  if (!buffer.Dump(&slices_).ok()) garbled("it cannot be read");
  std::string head;
  Cursor cursor(slices_);
  while (!cursor.end()) {
    std::string field;
    uint64_t tag = 0, value = 0;
    bool good = cursor.varint(&tag, &field);
    switch (tag & 7) {
      case WireFormatLite::WIRETYPE_VARINT:
        good = good && cursor.varint(&value, &field);
        break;
      case WireFormatLite::WIRETYPE_FIXED64:
        good = good && cursor.take(8, &field);
        break;
      case WireFormatLite::WIRETYPE_FIXED32:
        good = good && cursor.take(4, &field);
        break;
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
        good = good && cursor.varint(&value, &field);
        if (good && tag >> 3 == inference::ModelInferResponse::kRawOutputContentsFieldNumber) {
          raw_.push_back({cursor.slice(), cursor.offset(), std::size_t(value)});
          field.clear();
          good = cursor.take(value, nullptr);
        } else {
          good = good && cursor.take(value, &field);
        }
        break;
      default:
        good = false;
    }
    if (!good) garbled("it ends too early or holds an unknown kind of field");
    head += field;
  }
  if (!head_.ParseFromString(head)) garbled("its head does not parse");
}

std::map<std::string, Value> Answer::parameters() const {
  std::map<std::string, Value> values;
  for (const auto &[name, parameter] : head_.parameters()) {
    switch (parameter.parameter_choice_case()) {
      case InferParameter::kBoolParam:
        values[name] = parameter.bool_param();
        break;
      case InferParameter::kInt64Param:
        values[name] = int64_t(parameter.int64_param());
        break;
      case InferParameter::kUint64Param:
        values[name] = int64_t(parameter.uint64_param());
        break;
      case InferParameter::kDoubleParam:
        values[name] = parameter.double_param();
        break;
      case InferParameter::kStringParam:
        values[name] = parameter.string_param();
        break;
      case InferParameter::PARAMETER_CHOICE_NOT_SET:
        break;
    }
  }
  return values;
}

const void *Answer::raw(std::size_t index, const std::function<void *(std::size_t)> &scratch) const {
  auto [slice, offset, left] = raw_.at(index);
  if (left == 0) return nullptr;
  if (slices_[slice].size() - offset >= left) return slices_[slice].begin() + offset;
  auto *const whole = static_cast<uint8_t *>(scratch(left));
  for (uint8_t *to = whole; left > 0; ++slice, offset = 0) {
    const std::size_t here = std::min(left, slices_[slice].size() - offset);
    std::memcpy(to, slices_[slice].begin() + offset, here);
    to += here;
    left -= here;
  }
  return whole;
}

void hand_over(const Request &request, const Answer &answer, const Output &output, Pool &scratch) {
  const auto &outputs = answer.head().outputs();
  const auto wanted = std::find_if(outputs.begin(), outputs.end(), [](const auto &o) { return o.name() == "Output"; });
  if (wanted == outputs.end()) garbled("it holds no tensor named Output");
  std::string shape;
  for (const int64_t size : wanted->shape()) shape += (shape.empty() ? "" : "x") + std::to_string(size);
  const std::string expected = std::to_string(request.out_height) + "x" + std::to_string(request.out_width) + "x4";
  if (shape != expected || wanted->datatype() != datatype_of(request.out_half)) {
    garbled("Output is " + wanted->datatype() + " " + shape + ", asked for was " + datatype_of(request.out_half) + " " +
            expected);
  }
  if (output.segment) {
    if (!wanted->parameters().contains("shared_memory_region")) garbled("Output is not in the shared memory asked for");
    if (request.read) request.read(output.segment->data);
    return;
  }
  const std::size_t index = std::size_t(wanted - outputs.begin());
  if (index >= answer.raw_count() || answer.raw_bytes(index) != output.bytes) {
    garbled("Output holds " + std::to_string(index < answer.raw_count() ? answer.raw_bytes(index) : 0) +
            " bytes instead of " + std::to_string(output.bytes));
  }
  std::shared_ptr<Segment> whole;
  const void *pixels = answer.raw(index, [&](std::size_t bytes) {
    whole = scratch.take(bytes);
    return whole->data;
  });
  if (request.read) request.read(pixels);
}

}  // namespace onelight
