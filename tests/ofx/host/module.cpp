// The Python module onelight_testhost: the host's objects, with the GIL released while a plug-in runs.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstring>

#include "host.h"

namespace py = pybind11;
using namespace ofxhost;

void bindEffect(py::module_ &m);  // bind_effect.cpp

namespace {

using ImagePtr = std::shared_ptr<Image>;

const char *const kDtypes[] = {"|u1", "<u2", "<f2", "<f4"};
const char *const kDepths[] = {"OfxBitDepthByte", "OfxBitDepthShort", "OfxBitDepthHalf", "OfxBitDepthFloat"};

py::dtype dtypeOf(const std::string &depth) {
  for (int i = 0; i < 4; ++i)
    if (depth == kDepths[i]) return py::dtype(kDtypes[i]);
  throw std::invalid_argument("no pixel depth " + depth);
}

// Top row first in numpy; where y1 is the lowest line in OpenFX.
ImagePtr makeImage(const ImageFormat &format, const py::array &pixels, int x1, int y1, bool guarded) {
  if (pixels.ndim() != 3 || pixels.shape(2) != format.channels() || !pixels.dtype().equal(dtypeOf(format.depth)))
    throw std::invalid_argument("an image needs an array [height, width, channels] of the depth's own type");
  auto packed = py::array::ensure(pixels, py::array::c_style);
  int height = static_cast<int>(packed.shape(0)), width = static_cast<int>(packed.shape(1));
  auto image = std::make_shared<Image>(format, RectI{x1, y1, x1 + width, y1 + height}, guarded);
  auto *from = static_cast<const unsigned char *>(packed.data());
  for (int row = 0; row < height; ++row)
    std::memcpy(image->line(y1 + height - 1 - row), from + static_cast<size_t>(row) * image->lineBytes(),
                image->lineBytes());
  image->seal();
  return image;
}

py::array imagePixels(const Image &image, std::optional<std::array<int, 4>> wanted) {
  RectI window = image.bounds;
  if (wanted) window = {(*wanted)[0], (*wanted)[1], (*wanted)[2], (*wanted)[3]};
  int height = window.y2 - window.y1, width = window.x2 - window.x1, channels = image.format.channels();
  py::array result(dtypeOf(image.format.depth), {height, width, channels});
  auto *to = static_cast<unsigned char *>(result.mutable_data());
  size_t pixel = static_cast<size_t>(channels * image.format.sampleBytes());
  size_t count = static_cast<size_t>(width) * pixel;
  for (int row = 0; row < height; ++row)
    std::memcpy(to + static_cast<size_t>(row) * count,
                image.line(window.y2 - 1 - row) + static_cast<size_t>(window.x1 - image.bounds.x1) * pixel, count);
  return result;
}

void bindValues(py::module_ &m) {
#define FIELD(field) .def_readwrite(#field, &Personality::field)
  py::class_<Personality>(m, "Personality")
      .def(py::init<const Personality &>()) FIELD(name) FIELD(host_name) FIELD(label) FIELD(contexts) FIELD(depths)
          FIELD(components) FIELD(is_background) FIELD(colour_management) FIELD(describes_twice) FIELD(calls_set_host)
              FIELD(instance_per_frame) FIELD(calls_instance_changed) FIELD(calls_is_identity)
                  FIELD(calls_frames_needed) FIELD(nested_instance_changed) FIELD(has_push_buttons) FIELD(has_project)
                      FIELD(negative_rows) FIELD(row_padding) FIELD(output_margin) FIELD(misaligned) FIELD(image_scale)
                          FIELD(ignores_clip_time) FIELD(always_connected) FIELD(unconnected) FIELD(clamps_result)
                              FIELD(null_image_on_abort) FIELD(deaf_abort) FIELD(message_suite_v2)
                                  FIELD(message_v2_members) FIELD(broken_message_format) FIELD(shows_persistent)
                                      FIELD(secret_not_settable) FIELD(secret_at_describe_is_forever)
                                          FIELD(choice_options_fixed) FIELD(clamps_without_display_range) FIELD(guards);
#undef FIELD
  m.def("personality", [](const std::string &name) { return Personality(personality(name)); });
  m.def("pixels", [](std::array<double, 4> r, double sx, double sy, double aspect) {
    RectI window = pixels({r[0], r[1], r[2], r[3]}, sx, sy, aspect);
    return py::make_tuple(window.x1, window.y1, window.x2, window.y2);
  });
  m.def("personality_names", [] {
    std::vector<std::string> names;
    for (const auto &entry : personalities()) names.push_back(entry.name);
    return names;
  });
  py::class_<ImageFormat>(m, "ImageFormat")
      .def(py::init<>())
      .def_readwrite("depth", &ImageFormat::depth)
      .def_readwrite("components", &ImageFormat::components)
      .def_readwrite("premultiplication", &ImageFormat::premultiplication)
      .def_readwrite("pixel_aspect", &ImageFormat::pixel_aspect)
      .def_readwrite("row_padding", &ImageFormat::row_padding)
      .def_readwrite("negative_rows", &ImageFormat::negative_rows)
      .def_readwrite("misaligned", &ImageFormat::misaligned);
  py::class_<Image, ImagePtr>(m, "Image")
      .def(py::init(&makeImage), py::arg("format"), py::arg("pixels"), py::arg("x1"), py::arg("y1"),
           py::arg("guarded") = true)
      .def_property_readonly(
          "bounds", [](const Image &i) { return py::make_tuple(i.bounds.x1, i.bounds.y1, i.bounds.x2, i.bounds.y2); })
      .def_property_readonly("format", [](const Image &i) { return i.format; })
      .def("pixels", &imagePixels, py::arg("window") = py::none(), "The window's pixels, top row first.");
  py::class_<ClipSetup>(m, "ClipSetup")
      .def(py::init<>())
      .def_readwrite("connected", &ClipSetup::connected)
      .def_readwrite("format", &ClipSetup::format)
      .def_readwrite("colourspace", &ClipSetup::colourspace)
      .def_property(
          "bounds",
          [](const ClipSetup &s) { return py::make_tuple(s.bounds.x1, s.bounds.y1, s.bounds.x2, s.bounds.y2); },
          [](ClipSetup &s, std::array<int, 4> b) { s.bounds = {b[0], b[1], b[2], b[3]}; })
      .def_property(
          "frames", [](const ClipSetup &s) { return py::make_tuple(s.frames.min, s.frames.max); },
          [](ClipSetup &s, std::array<double, 2> f) { s.frames = {f[0], f[1]}; });
  py::class_<RenderRequest>(m, "RenderRequest")
      .def(py::init<>())
      .def_readwrite("time", &RenderRequest::time)
      .def_readwrite("scale_x", &RenderRequest::scale_x)
      .def_readwrite("scale_y", &RenderRequest::scale_y)
      .def_readwrite("interactive", &RenderRequest::interactive)
      .def_readwrite("sequential", &RenderRequest::sequential)
      .def_readwrite("format", &RenderRequest::format)
      .def_property(
          "window",
          [](const RenderRequest &r) { return py::make_tuple(r.window.x1, r.window.y1, r.window.x2, r.window.y2); },
          [](RenderRequest &r, std::array<int, 4> w) { r.window = {w[0], w[1], w[2], w[3]}; })
      .def_property(
          "frames_needed", [](const RenderRequest &r) { return r.frames_needed.size(); },
          [](RenderRequest &r, const std::map<std::string, std::vector<std::array<double, 2>>> &needed) {
            r.frames_needed.clear();
            for (auto &[clip, ranges] : needed)
              for (auto &range : ranges) r.frames_needed[clip].push_back({range[0], range[1]});
          });
}

}  // namespace

PYBIND11_MODULE(onelight_testhost, m) {
  m.doc() = "A small strict OpenFX host that plays the part of real ones.";
  bindValues(m);
  bindEffect(m);
  using release = py::call_guard<py::gil_scoped_release>;
  py::class_<Host>(m, "Host")
      .def(py::init<const Personality &, const std::string &>(), release())
      .def_property_readonly("plugins", &Host::plugins)
      .def_property_readonly("violations", &Host::violations)
      .def("forgive",
           [](Host &host) {
             host.report.clear();
             strayReport().clear();
           })
      .def("describe", &Host::describe, release(), py::keep_alive<0, 1>())
      .def("create", &Host::create, release(), py::keep_alive<0, 1>())
      .def("unload", &Host::unload, release());
}
