#include <filesystem>

#include "slalom/base/files.hpp"
#include "study.hpp"

namespace slalom::study {

namespace {

// The fields of a curve that are plain numbers, once for reading and writing.
constexpr std::pair<const char*, double Probe::*> kNumbers[] = {{"the", &Probe::the},
                                                                {"slope_1_20", &Probe::slope_1_20},
                                                                {"slope_2_15", &Probe::slope_2_15},
                                                                {"range", &Probe::range},
                                                                {"spread", &Probe::spread},
                                                                {"bound", &Probe::bound},
                                                                {"half_range", &Probe::half_range},
                                                                {"width", &Probe::width}};

bool model_is_kept(const Plan& plan, const Options& options) {
  const std::string path = model_folder(plan, options) + "/training.json";
  return std::filesystem::exists(path) && read_file(path) == part_of(plan, options).settings();
}

}  // namespace

void save_record(const Record& record, const Options& options) {
  Json json;
  json["loss"] = record.loss;
  json["accuracy"] = record.accuracy;
  json["seconds"] = record.seconds;
  for (const auto& [name, member] : kNumbers) json["curve"][name] = record.curve.*member;
  json["curve"]["perfect"] = record.curve.perfect;
  json["curve"]["witness"] = record.curve.witness;
  json["claims"] = Json::object();
  for (const auto& [name, value] : record.claims) json["claims"][name] = value;
  part_of(record.plan, options).save(json);
}

std::optional<Record> load_record(const Plan& plan, const Options& options) {
  const experiment::Part part = part_of(plan, options);
  const std::string path = part.record_path();
  const std::optional<Json> kept = part.load();
  if (!kept || (options.sizes.keep_models && !model_is_kept(plan, options))) return std::nullopt;
  const Json& json = *kept;
  Record record{.plan = plan};
  record.loss = require_number(json, "loss", path);
  record.accuracy = require_number(json, "accuracy", path);
  record.seconds = require_number(json, "seconds", path);
  const Json& curve = require_object(json, "curve", path);
  for (const auto& [name, member] : kNumbers)
    record.curve.*member = require_number(curve, name, path + ": curve");
  record.curve.perfect = require_array(curve, "perfect", path + ": curve").get<std::vector<double>>();
  if (plan.probed && record.curve.perfect.size() != kMostRepeats)
    throw Error(concat(path, ": field \"perfect\": found ", record.curve.perfect.size(), " numbers, wanted ",
                       kMostRepeats));
  record.curve.witness = require_array(curve, "witness", path + ": curve").get<std::vector<std::string>>();
  for (const auto& [name, value] : require_object(json, "claims", path).items())
    record.claims[name] = value.get<double>();
  return record;
}

}  // namespace slalom::study
