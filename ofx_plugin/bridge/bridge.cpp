// onelight._bridge: the plug-in's client for Python, on any object with the buffer protocol; needs no numpy.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "blend.h"
#include "client.h"
#include "local_server.h"
#include "parallel.h"

namespace py = pybind11;
using namespace onelight;

namespace {

PyObject *bridge_error = nullptr;

const char *kind_name(Error::Kind kind) {
  switch (kind) {
    case Error::Aborted:
      return "aborted";
    case Error::Unavailable:
      return "unavailable";
    case Error::Deadline:
      return "deadline";
    case Error::Refused:
      return "refused";
    case Error::Internal:
      break;
  }
  return "internal";
}

[[noreturn]] void raise(const Error &error) {
  PyErr_SetObject(bridge_error, py::make_tuple(kind_name(error.kind), error.what()).ptr());
  throw py::error_already_set();
}

// Someone's pixels, held for as long as the call works on them.
class Pixels {
 public:
  Pixels(const py::handle &object, const std::string &name, bool writable, int channels = 4) : name_(name) {
    const int flags = PyBUF_FORMAT | PyBUF_STRIDES | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) {
      PyErr_Clear();
      throw py::type_error(name + ": expected " + (writable ? "a writable" : "an") + " array of pixels, got " +
                           std::string(py::str(py::type::of(object).attr("__name__"))));
    }
    const std::string format = view_.format ? view_.format : "B";
    half_ = format == "e" || format == "<e" || format == "=e";
    const bool is_float = half_ || format == "f" || format == "<f" || format == "=f";
    const bool shaped = channels ? view_.ndim == 3 && view_.shape[2] == channels : view_.ndim == 2;
    const bool packed = PyBuffer_IsContiguous(&view_, 'C');
    if (is_float && shaped && packed) return;
    std::string got;
    for (int i = 0; i < view_.ndim; ++i) got += (i ? ", " : "") + std::to_string(view_.shape[i]);
    PyBuffer_Release(&view_);
    throw py::type_error(name + ": expected packed [height, width" + (channels ? ", " + std::to_string(channels) : "") +
                         "] pixels of float16 or float32, top row first; got [" + got + "] of format '" + format + "'" +
                         (packed ? "" : " with gaps between them (numpy.ascontiguousarray packs them)"));
  }
  ~Pixels() { PyBuffer_Release(&view_); }  // constructed and destroyed with the GIL held
  Pixels(const Pixels &) = delete;
  Pixels &operator=(const Pixels &) = delete;

  void *data() const { return view_.buf; }
  std::size_t bytes() const { return std::size_t(view_.len); }
  int height() const { return int(view_.shape[0]); }
  int width() const { return int(view_.shape[1]); }
  bool half() const { return half_; }
  void expect_like(const Pixels &other) const {
    if (height() == other.height() && width() == other.width() && half() == other.half()) return;
    throw py::type_error(name_ + ": expected the size and type of " + other.name_);
  }

 private:
  std::string name_;
  Py_buffer view_{};
  bool half_ = false;
};

// Fresh pixels for a caller who brought none: numpy.asarray() shows them without a copy.
struct Image {
  Image(int height, int width, bool half)
      : height(height),
        width(width),
        half(half),
        data(new char[std::size_t(height) * std::size_t(width) * 4 * (half ? 2 : 4)]) {}
  int height, width;
  bool half;
  std::unique_ptr<char[]> data;

  py::buffer_info buffer() {
    const py::ssize_t sample = half ? 2 : 4, w = width;
    return {data.get(),
            sample,
            half ? "e" : "f",
            3,
            {py::ssize_t(height), w, py::ssize_t(4)},
            {w * 4 * sample, 4 * sample, sample}};
  }
};

Value to_value(const std::string &name, const py::handle &value) {
  if (py::isinstance<py::bool_>(value)) return value.cast<bool>();
  if (py::isinstance<py::int_>(value)) return value.cast<int64_t>();
  if (py::isinstance<py::float_>(value)) return value.cast<double>();
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  throw py::type_error("Knob " + name + ": expected a bool, int, float or str, got " +
                       std::string(py::str(py::type::of(value).attr("__name__"))));
}

// Ctrl-C, and whatever a caller's `aborted` raises, must stop the call and then come out of it.
class Interruption {
 public:
  explicit Interruption(py::object asked) : asked_(std::move(asked)) {}
  bool poll() {  // called without the GIL
    const py::gil_scoped_acquire gil;
    if (raised_) return true;
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      return !asked_.is_none() && py::cast<bool>(py::bool_(asked_()));
    } catch (py::error_already_set &error) {
      raised_.emplace(std::move(error));
      return true;
    }
  }
  void rethrow() {
    if (raised_) throw py::error_already_set(std::move(*raised_));
  }

 private:
  py::object asked_;
  std::optional<py::error_already_set> raised_;
};

py::tuple bridge_infer(const std::string &server, const std::string &show, const std::string &tool,
                       const std::string &version, const py::dict &parameters, const py::dict &inputs, double deadline,
                       const py::object &output, const py::object &aborted) {
  Request request;
  request.server = server;
  request.show = show;
  request.tool = tool;
  request.version = version;
  request.deadline_seconds = deadline;
  for (const auto &[name, value] : parameters) {
    const auto knob = name.cast<std::string>();
    request.parameters[knob] = to_value(knob, value);
  }
  std::map<std::string, int> frames;  // of each clip: one with neighbours is asked for again by other frames
  const auto clip_of = [](const std::string &tensor) { return tensor.substr(0, tensor.find('@')); };
  for (const auto &[name, value] : inputs) ++frames[clip_of(name.cast<std::string>())];
  std::vector<std::unique_ptr<Pixels>> held;
  for (const auto &[name, value] : inputs) {
    const auto clip = name.cast<std::string>();
    held.push_back(std::make_unique<Pixels>(value, clip, false));
    const Pixels *pixels = held.back().get();
    request.inputs.push_back({clip, pixels->width(), pixels->height(), pixels->half(),
                              [pixels](void *to) { copy_bytes(to, pixels->data(), pixels->bytes()); },
                              !output.is_none() && frames[clip_of(clip)] > 1});
  }
  py::object result = output;
  if (py::isinstance<py::tuple>(output)) {
    const auto [height, width] = output.cast<std::pair<int, int>>();
    if (held.empty() || height < 1 || width < 1) {
      throw py::value_error("Output: expected a height and a width above 0, and at least one input");
    }
    result = py::cast(std::make_unique<Image>(height, width, held.front()->half()));
  }
  request.wants_output = !result.is_none();
  if (request.wants_output) {
    held.push_back(std::make_unique<Pixels>(result, "Output", true));
    const Pixels *pixels = held.back().get();
    request.out_width = pixels->width();
    request.out_height = pixels->height();
    request.out_half = pixels->half();
    request.read = [pixels](const void *from) { copy_bytes(pixels->data(), from, pixels->bytes()); };
  }
  Interruption interruption(aborted);
  request.aborted = [&interruption] { return interruption.poll(); };
  Reply reply;
  try {
    const py::gil_scoped_release released;
    reply = infer(request);
  } catch (const Error &error) {
    interruption.rethrow();
    raise(error);
  }
  py::dict answered = py::cast(reply.parameters);
  answered["transport"] = reply.transport;
  return py::make_tuple(result, answered);
}

std::map<std::string, std::string> bridge_model(const std::string &server, const std::string &show,
                                                const std::string &tool, const std::string &version, double seconds) {
  try {
    const py::gil_scoped_release released;
    return model(server, show, tool, version, seconds);
  } catch (const Error &error) {
    raise(error);
  }
}

void bridge_blend(const py::object &plate, const py::object &result, const py::object &mask, float mix,
                  bool alpha_from_result, const py::object &out, const std::optional<float> &neutral) {
  const Pixels from(plate, "plate", false), over(result, "result", false), into(out, "out", true);
  over.expect_like(from);
  into.expect_like(from);
  std::unique_ptr<Pixels> weights;
  if (!mask.is_none()) {
    weights = std::make_unique<Pixels>(mask, "mask", false, 0);
    if (weights->half() || weights->width() != from.width() || weights->height() != from.height()) {
      throw py::type_error("mask: expected one float32 for each pixel of the plate");
    }
  }
  const Blend how{from.half() ? Sample::Half : Sample::Float, 4, mix, alpha_from_result, neutral};
  const py::gil_scoped_release released;
  const std::size_t width = std::size_t(from.width()), row = from.bytes() / std::size_t(from.height());
  for (std::size_t y = 0; y < std::size_t(from.height()); ++y) {
    const auto at = [&](const Pixels &pixels) { return static_cast<char *>(pixels.data()) + y * row; };
    blend_row(how, at(from), at(over), weights ? static_cast<const float *>(weights->data()) + y * width : nullptr,
              at(into), width);
  }
}

}  // namespace

PYBIND11_MODULE(_bridge, module) {
  module.doc() = "Sends frames to an Onelight server: the C++ client of the OpenFX plug-in.";
  bridge_error = PyErr_NewExceptionWithDoc("onelight._bridge.BridgeError",
                                           "args = (kind, sentence); kind is aborted, unavailable, deadline, refused "
                                           "or internal.",
                                           nullptr, nullptr);
  module.attr("BridgeError") = py::handle(bridge_error);
  py::class_<Image>(module, "Image", py::buffer_protocol(),
                    "Packed [height, width, 4] pixels; numpy.asarray() shows them without a copy.")
      .def_buffer(&Image::buffer);
  module.def("infer", &bridge_infer, py::arg("server"), py::arg("show"), py::arg("tool"), py::arg("version"),
             py::arg("parameters"), py::arg("inputs"), py::arg("deadline"), py::arg("output") = py::none(),
             py::arg("aborted") = py::none(),
             "Send `inputs` (name -> packed [height, width, 4] float16 or float32 pixels) and `parameters`.\n\n"
             "`output` is None (no pixels wanted), a writable array to fill, or (height, width) for a fresh Image of\n"
             "the first input's type. `aborted` is called every 20 ms; true cancels the server's work. Returns\n"
             "(output, answered parameters and 'transport'). Raises BridgeError, TypeError for pixels of another\n"
             "layout, and whatever `aborted` or a signal handler raises.");
  module.def(
      "blend", &bridge_blend, py::arg("plate"), py::arg("result"), py::arg("mask"), py::arg("mix"),
      py::arg("alpha_from_result"), py::arg("out"), py::arg("neutral") = py::none(),
      "Lay `result` over `plate` into `out` with weight mask * mix; weight 0 keeps the plate's bits, weight 1 the\n"
      "result's, alpha is the plate's unless `alpha_from_result`. `mask` is [height, width] float32 or None. Where\n"
      "`neutral` is given, colours lead from that value instead of the plate, and alpha is the result's.");
  module.def("model", &bridge_model, py::arg("server"), py::arg("show"), py::arg("tool"), py::arg("version"),
             py::arg("seconds"),
             "What a show and version stand for, as text: version, digest, state (empty where the show keeps none),\n"
             "default (what an empty version means; empty: nothing), provider, runtime. Raises BridgeError.");
  module.def(
      "ping", [](const std::string &server, double seconds) { return ping(server, seconds); }, py::arg("server"),
      py::arg("seconds"), py::call_guard<py::gil_scoped_release>(),
      "An empty string when the server is ready, else the sentence that says why not.");
  module.def(
      "use_shared_memory",
      [](bool allowed) { set_transport(allowed ? Transport::automatic : Transport::inline_bytes); }, py::arg("allowed"),
      "Whether frames may go through shared memory, for this process; for benchmarks and tests.");
  module.def(
      "set_server_command", &set_server_command, py::arg("command"),
      "The words that start a local server when neither ONELIGHT_SERVER_COMMAND nor a server-command file does.");
  module.def("local_address", &local_address, "Where the local server listens, or would.");
  module.def("stop_local_server", &stop_local_server, py::call_guard<py::gil_scoped_release>(),
             "End the local server if this process started it. True when there was one to end.");
}
