// Python's view of an effect: its description, parameters, clips, questions and renders.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "host.h"

namespace py = pybind11;
using namespace ofxhost;

namespace {

using ImagePtr = std::shared_ptr<Image>;

py::object toPython(const Values &values, bool several) {
  py::list list;
  for (const Value &value : values) {
    if (auto *integer = std::get_if<int>(&value)) list.append(*integer);
    if (auto *number = std::get_if<double>(&value)) list.append(*number);
    if (auto *text = std::get_if<const char *>(&value)) list.append(std::string(*text));
    if (auto *pointer = std::get_if<void *>(&value)) list.append(reinterpret_cast<uintptr_t>(*pointer));
  }
  return several || list.size() != 1 ? py::object(py::tuple(list)) : py::object(list[0]);
}

py::dict toPython(const PropertySet &set) {
  py::dict result;
  for (auto &[name, values] : set.all())
    if (!values.empty()) {
      const PropertyFact *fact = findFact(name);
      result[py::str(name)] = toPython(values, fact && fact->type != Type::ByParam && fact->dimension != 1);
    }
  return result;
}

Values fromPython(const Param &param, const py::handle &object) {
  Values values;
  const ParamType &type = *param.type();
  py::sequence items = py::isinstance<py::str>(object) || !py::isinstance<py::sequence>(object)
                           ? py::sequence(py::make_tuple(object))
                           : py::reinterpret_borrow<py::sequence>(object);
  if (static_cast<int>(py::len(items)) != type.dimension)
    throw py::value_error("parameter " + param.name() + " has " + std::to_string(type.dimension) + " values");
  for (auto item : items) {
    if (type.type == Type::Int)
      values.emplace_back(item.cast<int>());
    else if (type.type == Type::Double)
      values.emplace_back(item.cast<double>());
    else
      values.emplace_back(keep(item.cast<std::string>()));
  }
  return values;
}

Param &paramOf(Effect &effect, const std::string &name) {
  Param *param = effect.params.find(name);
  if (!param) throw py::key_error("no parameter " + name);
  return *param;
}

void connect(Effect &effect, const std::string &name, ClipSetup setup, py::object frames) {
  Clip *clip = effect.findClip(name);
  if (!clip) throw py::key_error("no clip " + name);
  if (setup.connected) {
    // Destroyed with the GIL: the clip may die in a thread that does not hold it.
    std::shared_ptr<py::object> call(new py::object(std::move(frames)), [](py::object *object) {
      py::gil_scoped_acquire gil;
      delete object;
    });
    setup.provider = [call, name](double time, double sx, double sy) -> ImagePtr {
      py::gil_scoped_acquire gil;
      try {
        return (*call)(time, sx, sy).cast<ImagePtr>();
      } catch (py::error_already_set &error) {
        violation("the test's own frames of " + name + " raised " + error.what());
        return nullptr;
      }
    };
  }
  clip->connect(setup);
}

py::dict describe(const Effect &effect) {
  py::dict clips, params, result;
  py::list order;
  for (const auto &clip : effect.clips()) clips[py::str(clip->name())] = toPython(clip->properties);
  for (const auto &param : effect.params.params()) params[py::str(param->name())] = toPython(param->properties);
  result["properties"] = toPython(effect.properties);
  result["clips"] = clips;
  result["params"] = params;
  result["context"] = effect.context();
  return result;
}

py::tuple rectTuple(const RectD &r) { return py::make_tuple(r.x1, r.y1, r.x2, r.y2); }

}  // namespace

void bindEffect(py::module_ &m);
void bindEffect(py::module_ &m) {
  using release = py::call_guard<py::gil_scoped_release>;
  py::class_<Effect, std::shared_ptr<Effect>>(m, "Effect")
      .def("describe", &describe)
      .def_property_readonly("context", &Effect::context)
      .def("destroy", &Effect::destroy, release())
      .def("connect", &connect, py::arg("clip"), py::arg("setup"), py::arg("frames") = py::none())
      .def("value",
           [](Effect &e, const std::string &name, double time) { return toPython(paramOf(e, name).at(time), false); })
      .def("set_value",
           [](Effect &e, const std::string &name, const py::object &value) {
             Param &param = paramOf(e, name);
             param.deleteKeys();
             param.set(fromPython(param, value));
           })
      .def("set_key",
           [](Effect &e, const std::string &name, double time, const py::object &value) {
             Param &param = paramOf(e, name);
             param.setKey(time, fromPython(param, value));
           })
      .def("delete_keys", [](Effect &e, const std::string &name) { paramOf(e, name).deleteKeys(); })
      .def("keys",
           [](Effect &e, const std::string &name) {
             py::dict keys;
             for (auto &[time, values] : paramOf(e, name).keys()) keys[py::float_(time)] = toPython(values, false);
             return keys;
           })
      .def("is_secret", [](Effect &e, const std::string &name) { return paramOf(e, name).isSecret(); })
      .def("undo",
           [](const Effect &e) {
             py::list blocks;
             for (auto &block : e.params.undo()) blocks.append(py::make_tuple(block.label, block.params));
             return blocks;
           })
      .def("changed", &Effect::changed, release())
      .def("region_of_definition",
           [](Effect &e, double time, double sx, double sy) {
             RectD region;
             {
               py::gil_scoped_release gil;
               region = e.regionOfDefinition(time, sx, sy);
             }
             return rectTuple(region);
           })
      .def("regions_of_interest",
           [](Effect &e, double time, double sx, double sy, std::array<double, 4> r) {
             std::map<std::string, RectD> regions;
             {
               py::gil_scoped_release gil;
               regions = e.regionsOfInterest(time, sx, sy, {r[0], r[1], r[2], r[3]});
             }
             py::dict result;
             for (auto &[clip, region] : regions) result[py::str(clip)] = rectTuple(region);
             return result;
           })
      .def("frames_needed",
           [](Effect &e, double time) {
             std::map<std::string, std::vector<RangeD>> needed;
             {
               py::gil_scoped_release gil;
               needed = e.framesNeeded(time);
             }
             std::map<std::string, std::vector<std::array<double, 2>>> result;
             for (auto &[clip, ranges] : needed)
               for (auto &range : ranges) result[clip].push_back({range.min, range.max});
             return result;
           })
      .def("preferences",
           [](Effect &e) {
             Preferences wanted;
             {
               py::gil_scoped_release gil;
               wanted = e.preferences();
             }
             py::dict result;
             result["components"] = wanted.components;
             result["depths"] = wanted.depths;
             result["premultiplication"] = wanted.premultiplication;
             result["frame_varying"] = wanted.frame_varying;
             return result;
           })
      .def("identity",
           [](Effect &e, const RenderRequest &request) -> py::object {
             std::optional<Identity> identity;
             {
               py::gil_scoped_release gil;
               identity = e.identity(request);
             }
             if (!identity) return py::none();
             return py::make_tuple(identity->clip, identity->time);
           })
      .def("sequence",
           [](Effect &e, const char *action, std::array<double, 2> range, double step, const RenderRequest &request) {
             py::gil_scoped_release gil;
             return e.sequence(action, {range[0], range[1]}, step, request);
           })
      .def("render",
           [](Effect &e, const RenderRequest &request) {
             RenderResult result;
             {
               py::gil_scoped_release gil;
               result = e.render(request);
             }
             return py::make_tuple(result.status, result.output, result.unwritten, result.seconds);
           })
      .def("purge", &Effect::purge, release())
      .def("messages",
           [](const Effect &e) {
             py::list list;
             for (auto &message : e.messages()) list.append(py::make_tuple(message.kind, message.type, message.text));
             return list;
           })
      .def_property_readonly("persistent",
                             [](const Effect &e) -> py::object {
                               auto message = e.persistent();
                               return message ? py::object(py::str(message->text)) : py::none();
                             })
      .def_property(
          "aborted", [](Effect &e) { return e.aborted.load(); }, [](Effect &e, bool on) { e.aborted = on; })
      .def_property_readonly("abort_polls", [](const Effect &e) { return e.abort_polls.load(); })
      .def_property(
          "timeline", [](Effect &e) { return e.timeline.load(); }, [](Effect &e, double t) { e.timeline = t; });
}
