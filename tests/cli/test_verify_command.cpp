#include <doctest/doctest.h>

#include <functional>

#include "../support/process.hpp"
#include "model_folder.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/sha256.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

/// A model without positions, whose proof has every field, and that proof.
struct ProvedFolder : TemporaryFolder {
  std::string file = path + "/proof.json";
  Json proof;

  ProvedFolder() : TemporaryFolder("proved") {
    CHECK(run_slalom({"train", "--arch", "bert", "--layers", "1", "--width", "16", "--heads", "2",
                      "--positions", "none", "--epochs", "1", "--epoch-texts", "20", "--output", path, "-q"})
              .status == 0);
    const Finished made = run_slalom({"audit", "--model", path, "--proof", file, "--threads", "1"});
    CHECK(made.status == 0);
    CHECK(made.err.empty());
    proof = parse_json(read_file(file), file);
  }
  Finished verify(const std::vector<std::string>& options = {}) const {
    std::vector<std::string> all = {"verify", file};
    all.insert(all.end(), options.begin(), options.end());
    return run_slalom(all);
  }
  Finished verify_changed(const std::function<void(Json&)>& change) const {
    Json other = proof;
    change(other);
    CHECK(other != proof);
    write_file(file, other.dump());
    const Finished run = verify();
    write_file(file, proof.dump());
    return run;
  }
};

/// The last hexadecimal digit before the exponent, exchanged for another.
std::string other_digit(const Json& number) {
  std::string word = number.get<std::string>();
  char& digit = word[word.find('p') - 1];
  digit = digit == '4' ? '8' : '4';
  return word;
}

}  // namespace

TEST_CASE("verify: a proof holds, with any number of threads, and wherever the model is") {
  const ProvedFolder folder;
  const Finished run = folder.verify({"--threads", "2"});
  CHECK(run.status == 0);
  CHECK(run.err.empty());
  CHECK(run.out.starts_with("Verified: " + folder.path + " is at least 0."));
  CHECK(run.out.find(" nats from every model that is additive (bag of words).\n") != std::string::npos);
  const TemporaryFolder moved("moved");
  std::filesystem::copy(folder.path, moved.path, std::filesystem::copy_options::recursive);
  CHECK(folder.verify({"--model", moved.path}).status == 0);
  CHECK(folder.proof["certificates"].size() == 2);
  CHECK(folder.proof["repetitions"]["token"].is_number());
  CHECK(folder.proof["assumptions"].size() == 4);
}

TEST_CASE("verify: any single change is found") {
  const ProvedFolder folder;
  const auto at = [](Json& proof, const char* path) -> Json& { return proof[Json::json_pointer(path)]; };
  const auto digit = [&](const char* path) {
    return [=](Json& proof) { at(proof, path) = other_digit(at(proof, path)); };
  };
  const auto plus_one = [&](const char* path) {
    return [=](Json& proof) { at(proof, path) = at(proof, path).get<int>() + 1; };
  };
  const auto letter = [&](const char* path) {
    return [=](Json& proof) {
      std::string word = at(proof, path).get<std::string>();
      word.back() = word.back() == 'a' ? 'b' : 'a';
      at(proof, path) = word;
    };
  };
  const std::function<void(Json&)> changes[] = {letter("/proof"),
                                                letter("/model"),
                                                letter("/model_sha256"),
                                                letter("/config_sha256"),
                                                plus_one("/target"),
                                                plus_one("/prefix/0"),
                                                plus_one("/suffix/0"),
                                                letter("/certificates/0/class"),
                                                plus_one("/certificates/0/texts/0/0"),
                                                plus_one("/certificates/0/texts/1/7"),
                                                plus_one("/certificates/1/texts/1/0"),
                                                plus_one("/certificates/0/coefficients/0"),
                                                plus_one("/certificates/1/coefficients/2"),
                                                digit("/certificates/0/log_odds/0/0"),
                                                digit("/certificates/0/log_odds/0/1"),
                                                digit("/certificates/0/log_odds/2/0"),
                                                digit("/certificates/1/log_odds/1/1"),
                                                digit("/certificates/0/bound"),
                                                digit("/certificates/1/bound"),
                                                plus_one("/repetitions/token"),
                                                digit("/repetitions/log_odds/0"),
                                                digit("/repetitions/log_odds/1"),
                                                letter("/inequality"),
                                                letter("/assumptions/1"),
                                                [](Json& proof) { proof["author"] = "a"; }};
  for (std::size_t i = 0; i < std::size(changes); ++i) {
    CAPTURE(i);
    const Finished run = folder.verify_changed(changes[i]);
    CHECK(run.status != 0);
    CHECK(run.status <= 3);
  }
  const Finished bound = folder.verify_changed(digit("/certificates/0/bound"));
  CHECK(bound.status == 1);
  CHECK(bound.out.starts_with("Not verified: /certificates/0/bound: found \"0x"));
  CHECK(folder.verify_changed([](Json& proof) { proof["certificates"].erase(1); }).status ==
        0);  // claims less
}

TEST_CASE("verify: another model, be it by one bit") {
  const ProvedFolder folder;
  const std::string weights = folder.path + "/model.safetensors", config = folder.path + "/config.json";
  std::string bytes = read_file(weights);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);  // the last weight's sign and exponent
  write_file(weights, bytes);
  const Finished other = folder.verify();
  CHECK(other.status == 1);
  CHECK(lines_of(other.err).at(0).starts_with(
      concat("error: ", folder.file, ": ", folder.path, ": its weights have SHA-256 ")));
  const Finished rewritten =
      folder.verify_changed([&](Json& proof) { proof["model_sha256"] = sha256_of_files({weights}); });
  CHECK(rewritten.status == 1);
  CHECK(rewritten.out.starts_with("Not verified: /certificates/0/log_odds/0/"));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_file(weights, bytes);
  CHECK(folder.verify().status == 0);
  write_file(weights, bytes.substr(0, bytes.size() - 8) + std::string(8, '\xff'));
  const Finished not_a_number = folder.verify();
  CHECK(not_a_number.status == 3);
  CHECK(lines_of(not_a_number.err)
            .at(0)
            .starts_with(concat("error: ", folder.file, ": ", weights, ": tensor \"")));
  CHECK(lines_of(not_a_number.err).at(0).ends_with("\": found NaN or Inf, wanted finite numbers"));
  write_file(weights, bytes);
  std::string text = read_file(config);
  text.insert(text.rfind('}'), " ");
  write_file(config, text);
  CHECK(folder.verify().out.starts_with("Not verified: /config_sha256: found "));
}

TEST_CASE("verify: files that are no proofs") {
  const ProvedFolder folder;
  const auto refused = [&](const std::function<void(Json&)>& change, const std::string& message) {
    const Finished run = folder.verify_changed(change);
    CHECK(run.status == 3);
    CHECK(run.out.empty());
    CHECK(lines_of(run.err).at(0) == "error: " + folder.file + message);
  };
  const auto interval = [](Json& proof) -> Json& { return proof["certificates"][0]["log_odds"][1]; };
  refused([&](Json& p) { std::swap(interval(p)[0], interval(p)[1]); },
          concat(": field \"log_odds\": found [", interval(const_cast<Json&>(folder.proof))[1].dump(), ",",
                 interval(const_cast<Json&>(folder.proof))[0].dump(), "], wanted low below high"));
  refused([&](Json& p) { interval(p)[0] = "nan"; },
          ": field \"log_odds\": found \"nan\", wanted a finite hexadecimal number such as \"0x1.8p+1\"");
  refused([&](Json& p) { interval(p)[0] = 0.5; },
          ": field \"log_odds\": found 0.5, wanted a finite hexadecimal number such as \"0x1.8p+1\"");
  refused([&](Json& p) { interval(p)[0] = "0xinf"; },
          ": field \"log_odds\": found \"0xinf\", wanted a finite hexadecimal number such as \"0x1.8p+1\"");
  refused([](Json& p) { p["certificates"][0]["texts"] = std::vector<std::vector<int>>(1000000, {5}); },
          ": field \"texts\": found 1000000 texts, wanted 1 to 64");
  refused([](Json& p) { p["certificates"][0]["coefficients"].erase(0); },
          ": found 4 texts, 3 coefficients and 4 intervals, wanted as many");
  refused([](Json& p) { p["certificates"][0]["coefficients"][0] = 0.5; },
          ": field \"coefficients\": found 0.5, wanted a whole number, at most 1e+06 in size");
  refused(
      [](Json& p) {
        p["certificates"][0]["coefficients"] = {1, 1, 1, 1};
      },
      ": field \"coefficients\": found [1,1,1,1], wanted a sum that is 0 for every model of the class");
  refused([](Json& p) { p["certificates"][0]["bound"] = "0x0p+0"; },
          ": field \"bound\": found \"0x0p+0\", wanted more than 0");
  refused([](Json& p) { p["certificates"][0]["texts"][0][0] = -1; },
          ": field \"texts\": found -1, wanted an id");
  refused([](Json& p) { p["certificates"] = Json::array(); },
          ": field \"certificates\": found 0 certificates, wanted 1 to 64");
  refused([](Json& p) { p["certificates"] = std::vector<Json>(1000000); },
          ": field \"certificates\": found 1000000 certificates, wanted 1 to 64");
  refused([](Json& p) { p["target"] = 2; }, ": [enclosure] class 2, the model has 2");
  refused([](Json& p) { p["prefix"][0] = 999; }, ": [forward] row 0 has id 999, the vocabulary has 16");
  for (const std::size_t length : {0, 1, 100, 1000}) {
    write_file(folder.file, folder.proof.dump().substr(0, length));
    const Finished run = folder.verify();
    CHECK(run.status == 3);
    CHECK(lines_of(run.err).at(0).starts_with("error: " + folder.file + ": "));
    CHECK(lines_of(run.err).at(1).find("audit --proof") != std::string::npos);
  }
  CHECK(run_slalom({"verify", folder.path + "/none.json"}).status == 3);
  CHECK(run_slalom({"verify"}).status == 2);
}

TEST_CASE("audit --proof: weights that are no numbers, and nothing to prove") {
  const ModelFolder folder(Architecture::gpt2);
  const std::string weights = folder.path + "/model.safetensors", proof = folder.file("proof.json");
  std::string bytes = read_file(weights);
  std::fill(bytes.end() - 8, bytes.end(), '\xff');  // NaN
  write_file(weights, bytes);
  const Finished run = run_slalom({"audit", "--model", folder.path, "--proof", proof, "--target", "1"});
  CHECK(run.status == 3);
  CHECK(lines_of(run.err).at(0).find("NaN") != std::string::npos);

  const TemporaryFolder constant("constant");
  save_model(Classifier<float>(small_config(Architecture::gpt2, 1)), constant.path);
  const Finished dull = run_slalom({"audit", "--model", constant.path, "--proof", proof, "--target", "1"});
  CHECK(dull.status == 1);
  CHECK(dull.err == "warning: nothing is proved, " + proof + " is not written\n");
  CHECK_FALSE(file_exists(proof));
}
