#include <filesystem>
#include <nlohmann/json.hpp>

#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "study.hpp"

namespace slalom::study {

namespace {

std::string path_of(const Plan& plan, const Options& options) {
  return work_path(plan, options) + ".json";
}

// The fields of a curve that are plain numbers, once for reading and writing.
constexpr std::pair<const char*, double Probe::*> kNumbers[] = {{"the", &Probe::the},
                                                                {"slope_1_20", &Probe::slope_1_20},
                                                                {"slope_2_15", &Probe::slope_2_15},
                                                                {"range", &Probe::range},
                                                                {"spread", &Probe::spread},
                                                                {"bound", &Probe::bound},
                                                                {"rounding_error", &Probe::rounding_error}};

}  // namespace

void save_record(const Record& record, const Options& options) {
  Json json;
  json["settings"] = parse_json(settings_of(record.plan, options), "settings");
  json["loss"] = record.loss;
  json["accuracy"] = record.accuracy;
  json["seconds"] = record.seconds;
  for (const auto& [name, member] : kNumbers) json["curve"][name] = record.curve.*member;
  json["curve"]["perfect"] = record.curve.perfect;
  json["curve"]["witness"] = record.curve.witness;
  json["claims"] = Json::object();
  for (const auto& [name, value] : record.claims) json["claims"][name] = value;
  write_file(path_of(record.plan, options), json.dump(1) + "\n");
}

std::optional<Record> load_record(const Plan& plan, const Options& options) {
  const std::string path = path_of(plan, options);
  if (options.fresh || !std::filesystem::exists(path)) return std::nullopt;
  const Json json = parse_json(read_file(path), path);
  Record record{.plan = plan};
  record.loss = require_number(json, "loss", path);
  record.accuracy = require_number(json, "accuracy", path);
  record.seconds = require_number(json, "seconds", path);
  const Json& curve = require_object(json, "curve", path);
  for (const auto& [name, member] : kNumbers)
    record.curve.*member = require_number(curve, name, path + ": curve");
  record.curve.perfect = require_array(curve, "perfect", path + ": curve").get<std::vector<double>>();
  if (plan.probed && record.curve.perfect.size() != kMostRepeats)
    throw Error(text(path, ": field \"perfect\": found ", record.curve.perfect.size(), " numbers, wanted ",
                     kMostRepeats));
  record.curve.witness = require_array(curve, "witness", path + ": curve").get<std::vector<std::string>>();
  for (const auto& [name, value] : require_object(json, "claims", path).items())
    record.claims[name] = value.get<double>();
  return record;
}

}  // namespace slalom::study
