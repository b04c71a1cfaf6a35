// SPDX-License-Identifier: Apache-2.0
// The text that Prometheus scrapes, format 0.0.4.
#include "metrics_family.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace lares::metrics::detail {

namespace {

std::string number(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "+Inf" : "-Inf";
  }
  return fmt::format("{}", value);
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

class Writer {
 public:
  Writer(std::string& out, const Description& description) : out_{out}, labels_{description.labels} {}

  void line(std::string_view name, const std::vector<std::string>& values, std::string_view value,
            std::string_view bound = {}) {
    out_ += name;
    char separator = '{';
    const auto label = [&](std::string_view key, std::string_view text) {
      out_ += separator;
      out_ += key;
      out_ += "=\"";
      append_escaped(out_, text, true);
      out_ += '"';
      separator = ',';
    };
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      label(labels_[i].name, values[i]);
    }
    if (!bound.empty()) {
      label("le", bound);
    }
    if (separator == ',') {
      out_ += '}';
    }
    out_ += ' ';
    out_ += value;
    out_ += '\n';
  }

  void histogram(const std::string& name, const std::vector<std::string>& values,
                 const Histogram& histogram) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < histogram.bounds().size(); ++i) {
      below += histogram.in_bucket(i);
      line(name + "_bucket", values, fmt::format("{}", below), number(histogram.bounds()[i]));
    }
    below += histogram.in_bucket(histogram.bounds().size());
    const std::string all = fmt::format("{}", below);
    line(name + "_bucket", values, all, "+Inf");
    line(name + "_count", values, all);
    line(name + "_sum", values, number(histogram.sum()));
  }

 private:
  std::string& out_;
  const std::vector<Label>& labels_;
};

}  // namespace

void FamilyBase::expose(std::string& out, const std::map<std::vector<std::string>, double>& reported) const {
  const std::shared_lock lock{mutex_};
  if (children_.empty() && reported.empty()) {
    return;
  }
  std::string name = description_.name;
  if (kind_ == Kind::kCounter && !name.ends_with("_total")) {
    name += "_total";
  }
  const std::string_view type = kind_ == Kind::kCounter ? "counter"
                                : kind_ == Kind::kGauge ? "gauge"
                                                        : "histogram";
  out += fmt::format("# HELP {} ", name);
  append_escaped(out, description_.help, false);
  out += fmt::format("\n# TYPE {} {}\n", name, type);
  Writer writer{out, description_};
  std::map<std::vector<std::string>, double> values = reported;
  for (const auto& [labels, child] : children_) {
    if (const auto* counter = std::get_if<Counter>(&child->value())) {
      values[labels] += static_cast<double>(counter->value()) * description_.scale;
    } else if (const auto* gauge = std::get_if<Gauge>(&child->value())) {
      values[labels] += static_cast<double>(gauge->value()) * description_.scale;
    } else {
      writer.histogram(name, labels, std::get<Histogram>(child->value()));
    }
  }
  for (const auto& [labels, value] : values) {
    writer.line(name, labels, number(value));
  }
}

}  // namespace lares::metrics::detail
