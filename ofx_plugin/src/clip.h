// A node's clips and the images they give, released when they go out of scope.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "frame.h"
#include "suites.h"

namespace onelight {

// An image in our hands.
class Picture {
 public:
  Picture(const Suites &suites, ofx::PropertySet handle) : suites_(&suites), handle_(handle) {}
  Picture(Picture &&other) noexcept { swap(other); }
  Picture &operator=(Picture &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Picture() {
    if (handle_) suites_->effects->clipReleaseImage(handle_);
  }
  const Image &image() const { return image_; }
  void set(const Image &image) { image_ = image; }

 private:
  void swap(Picture &other) {
    std::swap(suites_, other.suites_);
    std::swap(handle_, other.handle_);
    std::swap(image_, other.image_);
  }

  const Suites *suites_ = nullptr;
  ofx::PropertySet handle_ = nullptr;
  Image image_;
};

class Clip {
 public:
  // Throws Refused when the host does not know the clip.
  Clip(const Suites &suites, ofx::Effect effect, const std::string &name);

  const std::string &name() const { return name_; }
  const Properties &properties() const { return properties_; }
  bool connected() const;
  std::string colourspace() const { return properties_.text(ofx::ImageClipPropColourspace); }
  ofx::RangeD frames() const;
  bool region_of_definition(ofx::Time time, ofx::RectD *region) const;  // canonical; false: the host does not say
  // Nothing when the host gives none (Nuke, while the user interrupts). Throws std::runtime_error with a sentence when
  // the image is of a kind that was never declared.
  std::optional<Picture> fetch(ofx::Time time) const;

 private:
  const Suites &suites_;
  std::string name_;
  ofx::Clip handle_ = nullptr;
  Properties properties_;
};

}  // namespace onelight
