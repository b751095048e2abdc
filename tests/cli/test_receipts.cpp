#include "slalom/cli/receipts.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <functional>
#include <set>

#include "../support/error_of.hpp"
#include "../support/process.hpp"
#include "model_folder.hpp"
#include "slalom/base/random.hpp"
#include "slalom/base/sha256.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

/// The small BERT with a vocabulary, rows of it (pairs, bad ones, one of two windows), and their receipts.
struct RecordedFolder : ModelFolder {
  static constexpr Index kExplanations = 7;
  std::string record = file("receipts.jsonl");

  RecordedFolder() {
    std::string words = "[PAD]\n[CLS]\n[SEP]\n[UNK]\n[MASK]\n", window = "1";
    for (int i = 5; i < 40; ++i) words += concat("w", i, "\n");
    for (int i = 0; i < 80; ++i) window += concat(",", 5 + (7 * i) % 33);
    write("vocab.txt", words);
    write("tokenizer_config.json", "{\"tokenizer_class\": \"BertTokenizer\"}");
    write("in.jsonl",
          concat("{\"id\":\"a \\\"b\\\"\",\"text\":\"w5 w9 w9 w30\"}\n", "{\"text\":\"w8 w6 w6\"}\n", "{\n",
                 "{\"text\":\"w8 w6\",\"text_pair\":\"w11\"}\n", "{\"text\":\"w7 w6\",\"text_pair\":\"\"}\n",
                 "{\"input_ids\":[1,7,8,2,9,2],\"token_type_ids\":[0,0,0,0,1,1]}\n", "{\"input_ids\":[",
                 window, ",2]}\n", "{\"text\":\"\"}\n"));
  }
  Finished explain(const Arguments& more = {}, const ProcessOptions& process = {}) const {
    return run_slalom(joined({"explain", "--model", path, "--input", file("in.jsonl"), "--output",
                              file("out.jsonl"), "--record", record, "--budget", "40", "--target", "1"},
                             more),
                      process);
  }
  Finished verify(const Arguments& more = {}) const { return run_slalom(joined({"verify", record}, more)); }
  /// Of receipts that are chained again once each of them has been changed, as a forger would.
  Finished verify_forged(const std::function<void(Json&)>& change, const Arguments& options = {}) const {
    const std::string before = read_file(record);
    ReceiptChain chain;
    std::string lines;
    for (Json receipt : json_lines(before)) {
      receipt.erase("previous");
      receipt.erase("hash");
      change(receipt);
      JsonRow row;
      for (const auto& [name, value] : receipt.items()) row.raw(name, value.dump());
      lines += chain.add(row) + "\n";
    }
    write("receipts.jsonl", lines);
    const Finished run = verify(options);
    write("receipts.jsonl", before);
    return run;
  }
  std::string not_verified(int line, const std::string& field) const {
    return concat("Not verified: ", record, ": line ", line, ": field \"", field, "\": found ");
  }
};

/// What is wrong with these lines as a chain that ends with the hash; empty if nothing is.
std::string fault(const std::vector<std::string>& lines, const std::string& last_hash) {
  ReceiptChain chain;
  for (const std::string& line : lines) {
    const std::string error = error_of([&] { chain.read(line, concat("line ", chain.size() + 1)); });
    if (error != "no error") return error;
  }
  return chain.last_hash() == last_hash ? "" : "the end";
}

}  // namespace

TEST_CASE("explain --record: a receipt an explanation, which any number of threads computes again") {
  const RecordedFolder folder;
  for (const bool words : {false, true}) {
    CAPTURE(words);
    std::filesystem::remove(folder.record);
    const Arguments options = words ? Arguments{"--unit", "word", "--seed", "7", "--flip"}
                                    : Arguments{"--target", "all", "--precision", "f64", "--special", "show"};
    CHECK(folder.explain(joined(options, {"--threads", "1"})).status == 4);  // a bad row
    std::vector<std::string> output = lines_of(read_file(folder.file("out.jsonl")));
    std::erase_if(output,
                  [](const std::string& line) { return line.find("\"error\"") != std::string::npos; });
    const std::vector<Json> receipts = json_lines(read_file(folder.record));
    REQUIRE(receipts.size() == output.size());
    CHECK(std::ssize(receipts) ==
          (words ? 4 : 3 * RecordedFolder::kExplanations));  // rows of ids have no words
    for (std::size_t i = 0; i < output.size(); ++i) {
      const Json line = parse_json(output[i], "output");
      for (const char* field : {"id", "row", "target", "version", "model_sha256"})
        CHECK(receipts[i][field] == line[field]);
      const auto part = [&](const char* from, const char* to) {
        const std::size_t begin = output[i].find(from);
        return output[i].substr(begin, output[i].find(to) - begin);
      };
      CHECK(receipts[i]["result_sha256"] == sha256_of("{" + part("\"log_odds\":", ",\"tokens\":[") +
                                                      part(",\"scores\":{", ",\"cost\":{") + "}"));
    }
    CHECK(receipts[words ? 2 : 6]["input_sha256"] ==
          sha256_of("{\"input_ids\":[1,8,6,2,11,2],\"token_type_ids\":[0,0,0,0,1,1]}"));
    const Finished run = folder.verify({"--threads", "2"});
    CHECK(run.err.empty());
    CHECK(run.out == concat("Verified: ", folder.record, " is a chain of ", receipts.size(),
                            " receipts, of which ", receipts.size(),
                            " were computed again. Its last hash is ",
                            receipts.back()["hash"].get<std::string>(), ".\n"));
    CHECK(run.status == 0);
  }
}

TEST_CASE("receipts: another run goes on with the chain, and what is wrong with its file is said") {
  const RecordedFolder folder;
  CHECK(folder.explain({"--method", "leave-one-out", "--budget", "40"}).status == 2);  // nothing is written
  CHECK_FALSE(file_exists(folder.record));
  CHECK(folder.explain().status == 4);
  const std::string first = read_file(folder.record);
  CHECK(folder.explain({"--seed", "3"}).status == 4);
  const std::string both = read_file(folder.record);
  CHECK(both.starts_with(first));
  CHECK(lines_of(both).size() == 2 * RecordedFolder::kExplanations);
  CHECK(folder.verify().status == 0);

  folder.write("receipts.jsonl", both.substr(first.size()));
  const Finished broken = folder.explain();
  CHECK(broken.status == 3);
  CHECK(broken.err.starts_with(concat("error: ", folder.record, ": line 1: field \"previous\": found \"")));
  CHECK(read_file(folder.record) == both.substr(first.size()));
  for (const std::string& path : {std::string("-"), std::string(), folder.file("out.jsonl")})
    CHECK(folder.explain({"--record", path}).status == 2);
  CHECK(run_slalom({"explain", "--classifier-command", "cat", "--record", folder.record}).status == 2);
}

TEST_CASE("verify: a sample of receipts, and the last hash") {
  const RecordedFolder folder;
  CHECK(folder.explain().status == 4);
  const std::string all = read_file(folder.record), last = parse_json(lines_of(all).back(), "line")["hash"];
  const Finished run = folder.verify({"--sample", "3", "--seed", "5", "--last", last});
  CHECK(run.status == 0);
  CHECK(run.out.find(" is a chain of 7 receipts, of which 3 were computed again. ") != std::string::npos);
  CHECK(folder.verify({"--sample", "100"}).out.find("of which 7 were") != std::string::npos);

  // Every receipt lies; the seed chooses which of them is found out.
  const auto lie = [](Json& receipt) { receipt["result_sha256"] = std::string(64, '0'); };
  std::set<std::string> found;
  for (const char* seed : {"1", "2", "3", "4", "5", "6"}) {
    const Finished lied = folder.verify_forged(lie, {"--sample", "1", "--seed", seed});
    CHECK(lied.status == 1);
    found.insert(lied.out.substr(0, lied.out.find(": field")));
  }
  CHECK(found.size() > 1);

  folder.write("receipts.jsonl", all.substr(0, all.rfind('\n', all.size() - 2) + 1));
  CHECK(folder.verify().status == 0);  // as of a run that was killed
  CHECK(folder.verify({"--last", ""}).status == 2);
  const Finished shorter = folder.verify({"--last", last});
  CHECK(shorter.status == 1);
  CHECK(shorter.out.starts_with(folder.not_verified(6, "hash")));
}

TEST_CASE("receipts: the chain finds a thousand single changes, each in its line") {
  const RecordedFolder folder;
  CHECK(folder.explain().status == 4);
  const std::vector<std::string> lines = lines_of(read_file(folder.record));
  const std::string last = parse_json(lines.back(), "line")["hash"];
  REQUIRE(fault(lines, last).empty());
  const auto count = static_cast<std::uint32_t>(lines.size());
  Rng rng(1, Purpose::test);
  for (int change = 0; change < 1000; ++change) {
    CAPTURE(change);
    std::vector<std::string> other = lines;
    const std::uint32_t i = rng.below(count);
    std::size_t named = i;  // the line that must be named
    const auto exchange = [&](std::string_view alphabet, std::size_t from, std::size_t size) {
      std::string& line = other[i];
      for (std::size_t at = from;; at = from + rng.below(static_cast<std::uint32_t>(size))) {
        if (alphabet.find(line[at]) == std::string_view::npos) continue;
        const char before = line[at];
        while (line[at] == before)
          line[at] = alphabet[rng.below(static_cast<std::uint32_t>(alphabet.size()))];
        return;
      }
    };
    const auto at = other.begin() + i;
    switch (rng.below(6)) {
      case 0:
        exchange("0123456789", 0, at->size());
        break;
      case 1: {
        const char* fields[] = {"model", "config", "tokenizer", "parameters", "input", "result"};
        exchange("0123456789abcdef", at->find(concat("\"", fields[rng.below(6)], "_sha256\":\"")) + 12, 70);
        break;
      }
      case 2:
        exchange("0123456789abcdef", at->size() - 66, 64);
        break;  // of "hash"
      case 3:
        other.erase(at);
        break;
      case 4:
        other.insert(at, lines[i]);
        ++named;
        break;
      default: {
        const std::uint32_t j = (i + 1 + rng.below(count - 1)) % count;
        std::swap(other[i], other[j]);
        named = std::min(i, j);
      }
    }
    const std::string found = fault(other, last);
    CHECK((found.starts_with(concat("line ", named + 1, ": ")) ||
           (found == "the end" && other.size() < lines.size() && i + 1 == count)));
  }
}

TEST_CASE(
    "verify: receipts of another model, be it by one bit, of another tokenizer or of other parameters") {
  const RecordedFolder folder;
  CHECK(folder.explain({"--precision", "f64"}).status == 4);
  const TemporaryFolder other("other");
  std::filesystem::copy(folder.path, other.path, std::filesystem::copy_options::recursive);
  CHECK(folder.verify({"--model", other.path}).status == 0);
  const auto changed = [&](const char* name, const std::function<void(std::string&)>& change) {
    const std::string before = read_file(other.file(name));
    std::string bytes = before;
    change(bytes);
    other.write(name, bytes);
    const Finished run = folder.verify({"--model", other.path});
    other.write(name, before);
    CHECK(run.status == 1);
    return run.out;
  };
  const auto bit = [](std::string& bytes) {
    bytes[bytes.size() - 8] = static_cast<char>(bytes[bytes.size() - 8] ^ 1);
  };
  const auto space = [](std::string& bytes) { bytes += ' '; };
  CHECK(changed("model.safetensors", bit).starts_with(folder.not_verified(1, "model_sha256")));
  CHECK(changed("config.json", space).starts_with(folder.not_verified(1, "config_sha256")));
  CHECK(changed("tokenizer_config.json", space).starts_with(folder.not_verified(1, "tokenizer_sha256")));
  CHECK(changed("vocab.txt", [](std::string& words) {
          words.replace(words.find("w8"), 2, "w0");
        }).starts_with(folder.not_verified(1, "tokenizer_sha256")));

  const auto forged = [&](const std::function<void(Json&)>& change, const char* field) {
    CAPTURE(field);
    const Finished run = folder.verify_forged(change);
    CHECK(run.status == 1);
    CHECK(run.out.starts_with(folder.not_verified(1, field)));
    return run.out;
  };
  CHECK(folder.verify_forged([](Json&) {}).status == 0);
  for (const char* option :
       {"--budget=41", "--seed=1", "--target=0", "--held-out=4", "--unit=word", "--batch-tokens=9"})
    forged([&](Json& receipt) { receipt["options"].push_back(option); }, "parameters_sha256");
  forged([](Json& receipt) { receipt["options"][0] = "--method=lime"; }, "parameters_sha256");
  forged([](Json& receipt) { receipt[receipt.contains("text") ? "text" : "id"] = "w5 w9 w9 w31"; },
         "input_sha256");
  forged([](Json& receipt) { receipt["window"] = 1; }, "input_sha256");
  forged([](Json& receipt) { receipt["result_sha256"] = receipt["input_sha256"]; }, "result_sha256");
  CHECK(folder.verify_forged([](Json& receipt) { receipt["kernel"] = "Other"; }).status ==
        0);  // the same bits
  const std::string elsewhere = forged(
      [](Json& receipt) {
        receipt["kernel"] = "Other";
        receipt["result_sha256"] = receipt["input_sha256"];
      },
      "result_sha256");
  CHECK(elsewhere.find("field \"kernel\": found \"") != std::string::npos);
  CHECK(elsewhere.find("\", wanted \"Other\"") != std::string::npos);
}

TEST_CASE("verify: what receipts must not bring about") {
  const RecordedFolder folder;
  CHECK(folder.explain().status == 4);
  const std::string page = folder.file("page.html");
  for (const Json& option :
       {Json("--html=" + page), Json("--classifier-command=touch " + page), Json("--output=" + page),
        Json("--help"), Json("text"), Json(7), Json("--budget=x"), Json("--flip=1")}) {
    CAPTURE(option);
    const Finished run = folder.verify_forged([&](Json& receipt) { receipt["options"].push_back(option); });
    CHECK(run.status == 3);
    CHECK(run.out.empty());
    CHECK(lines_of(run.err).at(0).starts_with(concat("error: ", folder.record, ": line 1: ")));
    CHECK_FALSE(file_exists(page));
  }
  for (const auto& [field, value] :
       {std::pair<const char*, Json>{"options", 7}, {"target", "x"}, {"row", -1}, {"model", "nowhere"}}) {
    CAPTURE(field);
    CHECK(folder.verify_forged([&, f = field, v = value](Json& receipt) { receipt[f] = v; }).status == 3);
  }
  folder.write("receipts.jsonl", "{\"receipt\":2}\n");
  CHECK(folder.verify().status == 3);
  folder.write("receipts.jsonl", "");
  CHECK(folder.verify().status == 3);
}

TEST_CASE("receipts of a killed run are a chain, and --resume goes on with it") {
  const RecordedFolder folder;
  std::string input;
  for (int i = 0; i < 60; ++i)
    input += concat("{\"id\":", i, ",\"text\":\"w", 5 + i % 30, " w9 w6 w", 5 + i % 7, " w7\"}\n");
  folder.write("in.jsonl", input);
  const Finished killed = folder.explain(
      {"--target", "all"}, {.kill = {.signal = SIGKILL, .when = [&] {
                                       std::error_code missing;
                                       const auto size = std::filesystem::file_size(folder.record, missing);
                                       return !missing && size > 12000;
                                     }}});
  CHECK(killed.status == 128 + SIGKILL);
  std::string before = read_file(folder.record);
  before.resize(before.rfind('\n') + 1);  // a kill may tear the line that is being written
  folder.write("receipts.jsonl", before);
  CHECK(folder.verify().status == 0);
  folder.write("receipts.jsonl", before + "{\"receipt\":1,\"id\":\"torn");
  CHECK(folder.explain({"--target", "all", "--resume"}).status == 0);
  CHECK(read_file(folder.record).starts_with(before));
  const Finished run = folder.verify();
  CAPTURE(run.out);
  CHECK(run.status == 0);
  CHECK(run.out.find(" is a chain of 180 receipts, of which 180 ") != std::string::npos);
  std::set<std::pair<int, int>> explanations;
  for (const Json& receipt : json_lines(read_file(folder.record)))
    explanations.emplace(receipt["row"].get<int>(), receipt["target"].get<int>());
  CHECK(explanations.size() == 180);
}

TEST_CASE("receipts of shards: a file each") {
  const RecordedFolder folder;
  Index receipts = 0;
  for (const char* shard : {"1/2", "2/2"}) {
    const std::string record = folder.file(concat("receipts", shard[0], ".jsonl"));
    const int status = folder.explain({"--shard", shard, "--record", record}).status;
    CHECK((status == 0 || status == 4));
    CHECK(run_slalom({"verify", record}).status == 0);
    receipts += std::ssize(lines_of(read_file(record)));
  }
  CHECK(receipts == RecordedFolder::kExplanations);
}
