#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "../support/error_of.hpp"
#include "../support/small_models.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/model_io/model_folder.hpp"

using namespace slalom;
using test::kArchitectures;
using test::kGoldenArchitectures;

namespace {

// A config.json as Hugging Face writes it, of 2 layers, width 32, 4 heads, 101 words.
Json golden(Architecture a) {
  return parse_json(read_file(concat("tests/golden/", name(a), "/config.json")), "golden");
}

ClassifierConfig parsed(const Json& json) {
  return parse_config(json.dump(), "config.json");
}

// The message with which `change` makes the golden configuration an error.
template <class Change>
std::string message_of(Architecture a, const Change& change) {
  Json json = golden(a);
  change(json);
  return test::error_of([&] { parsed(json); });
}

bool same(const ClassifierConfig& a, const ClassifierConfig& b) {
  const auto numbers = [](const ClassifierConfig& c) {
    return std::tuple(c.architecture, c.layers, c.width, c.heads, c.feed_forward, c.vocabulary,
                      c.max_positions, c.labels, c.layer_norm_eps, c.activation, c.embedding_dropout,
                      c.attention_dropout, c.hidden_dropout, c.head_dropout, c.initializer_range, c.pad_id,
                      c.table_width(), c.problem_type);
  };
  const auto switches = [](const ClassifierConfig& c) {
    return std::tuple(c.types, c.attention, c.norm, c.positions, c.read_out, c.head_hidden, c.feed_forward_on,
                      c.residual);
  };
  return numbers(a) == numbers(b) && switches(a) == switches(b);
}

}  // namespace

TEST_CASE("config: what Hugging Face wrote") {
  for (const Architecture a : kGoldenArchitectures) {
    const ClassifierConfig c = parsed(golden(a));
    ClassifierConfig want = default_config(a, 2, 32, 4, 101);
    want.feed_forward = want.max_positions = 64;
    if (a == Architecture::roberta) want.max_positions = 62;
    want.label_names = {"LABEL_0", "LABEL_1"};
    CAPTURE(std::string(name(a)));
    CHECK(same(c, want));
    CHECK(c.label_names == want.label_names);
  }
}

TEST_CASE("config: GPT-2 without n_inner and pad_token_id") {
  Json json = golden(Architecture::gpt2);
  json.erase("n_inner");
  json["pad_token_id"] = nullptr;
  const ClassifierConfig c = parsed(json);
  CHECK(c.feed_forward == 4 * 32);
  CHECK(c.pad_id == 0);
}

TEST_CASE("config: written and read again, with every switch") {
  for (const Architecture a : kEveryArchitecture) {
    CAPTURE(std::string(name(a)));
    ClassifierConfig c = default_config(a, 3, 48, 6, 123);
    c.initializer_range = 0.1;
    c.label_names = {"no", "yes"};
    const auto survives = [&] {
      const ClassifierConfig again = parse_config(config_json(c), "config.json");
      CHECK(same(again, c));
      CHECK(again.label_names == c.label_names);
      CHECK(config_json(again) == config_json(c));
    };
    survives();
    c.activation = Activation::relu;
    c.positions = Positions::none;
    survives();
    c.read_out = c.read_out == ReadOut::first ? ReadOut::last : ReadOut::first;
    survives();
    c.feed_forward_on = c.residual = false;
    survives();
    c.head_hidden = !c.head_hidden;
    survives();
    for (const AttentionKind kind : {AttentionKind::softmax_plus_one, AttentionKind::sigmoid,
                                     AttentionKind::linear, AttentionKind::sum}) {
      c.attention = kind;
      survives();
    }
    for (const auto& [norm, positions] :
         {std::pair{Norm::rms, Positions::rope}, {Norm::none, Positions::none}}) {
      c.norm = norm;
      c.positions = positions;
      survives();
    }
    for (const ProblemType type :
         {ProblemType::single_label, ProblemType::multi_label, ProblemType::regression}) {
      c.problem_type = type;
      survives();
    }
    c.problem_type.reset();
    if (a == Architecture::electra || a == Architecture::albert) c.embedding_width = 16;
    survives();
    c.labels = 3;
    c.label_names.clear();
    CHECK(parse_config(config_json(c), "x").label_names ==
          std::vector<std::string>{"LABEL_0", "LABEL_1", "LABEL_2"});
  }
}

TEST_CASE("config: any valid configuration survives, dropout rates and eps included") {
  for (const Architecture a : kArchitectures) {
    CAPTURE(std::string(name(a)));
    ClassifierConfig c = default_config(a, 1, 24, 3, 40);
    c.set_dropout(0.25);
    CHECK(same(parse_config(config_json(c), "x"), c));
    c.layer_norm_eps = 1e-6;
    CHECK(same(parse_config(config_json(c), "x"), c));
  }
}

TEST_CASE("config: names of activations") {
  for (const auto& [label, activation] : {std::pair{"gelu", Activation::gelu_erf},
                                          {"gelu_new", Activation::gelu_tanh},
                                          {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                          {"gelu_fast", Activation::gelu_tanh},
                                          {"gelu_accurate", Activation::gelu_tanh},
                                          {"relu", Activation::relu},
                                          {"tanh", Activation::tanh}}) {
    Json json = golden(Architecture::bert);
    json["hidden_act"] = label;
    CHECK(parsed(json).activation == activation);
  }
  CHECK(message_of(Architecture::bert, [](Json& j) { j["hidden_act"] = "silu"; }) ==
        "config.json: field \"hidden_act\": found \"silu\", wanted gelu, gelu_new, relu, tanh or linear");
}

TEST_CASE("config: what is left out is what Hugging Face's classes fill in") {
  struct Usual {
    Architecture architecture;
    Index layers, width, heads, feed_forward, vocabulary, positions, table_width;
    Activation activation;
  };
  for (const Usual& u :
       {Usual{Architecture::bert, 12, 768, 12, 3072, 30522, 512, 768, Activation::gelu_erf},
        {Architecture::distilbert, 6, 768, 12, 3072, 30522, 512, 768, Activation::gelu_erf},
        {Architecture::roberta, 12, 768, 12, 3072, 50265, 512, 768, Activation::gelu_erf},
        {Architecture::xlm_roberta, 12, 768, 12, 3072, 30522, 512, 768, Activation::gelu_erf},
        {Architecture::gpt2, 12, 768, 12, 3072, 50257, 1024, 768, Activation::gelu_tanh},
        {Architecture::electra, 12, 256, 4, 1024, 30522, 512, 128, Activation::gelu_erf},
        {Architecture::albert, 12, 4096, 64, 16384, 30000, 512, 128, Activation::gelu_tanh}}) {
    CAPTURE(std::string(name(u.architecture)));
    const ClassifierConfig c = parsed({{"model_type", name(u.architecture)}});
    CHECK(c.layers == u.layers);
    CHECK(c.width == u.width);
    CHECK(c.heads == u.heads);
    CHECK(c.feed_forward == u.feed_forward);
    CHECK(c.vocabulary == u.vocabulary);
    CHECK(c.position_rows() == u.positions);
    CHECK(c.table_width() == u.table_width);
    CHECK(c.activation == u.activation);
    CHECK(c.pad_id == (c.traits().positions_after_pad ? 1 : 0));
  }
  CHECK(message_of(Architecture::bert, [](Json& j) {
          j.erase("model_type");
        }).starts_with("config.json: field \"model_type\""));
}

TEST_CASE("config: what F is follows from problem_type and the number of labels") {
  const auto problem = [](const Json& type, const Json& labels) {
    Json json = golden(Architecture::bert);
    json["problem_type"] = type;
    json["id2label"] = labels;
    return parsed(json).problem();
  };
  const Json one = {{"0", "score"}}, two = {{"0", "no"}, {"1", "yes"}};
  CHECK(problem(nullptr, two) == ProblemType::single_label);
  CHECK(problem(nullptr, one) == ProblemType::regression);
  CHECK(problem("single_label_classification", one) == ProblemType::regression);
  CHECK(problem("multi_label_classification", two) == ProblemType::multi_label);
  CHECK(problem("regression", two) == ProblemType::regression);
  CHECK_THROWS_WITH_AS(problem("ranking", two), doctest::Contains("found \"ranking\", wanted single_label"),
                       Error);
}

TEST_CASE("config: the head of another task is refused by its name") {
  for (const char* architecture : {"BertForTokenClassification", "GPT2LMHeadModel", "BertModel"})
    CHECK(message_of(Architecture::bert, [&](Json& j) { j["architectures"] = {architecture}; }) ==
          concat("config.json: field \"architectures\": found \"", architecture,
                 "\", wanted a classifier, ...ForSequenceClassification"));
  Json json = golden(Architecture::bert);
  json.erase("architectures");
  CHECK_NOTHROW(parsed(json));
}

TEST_CASE("config: names of labels that are no texts, or not there") {
  const auto names = [](const Json& labels) {
    Json json = golden(Architecture::bert);
    json["id2label"] = labels;
    return parsed(json).label_names;
  };
  using Names = std::vector<std::string>;
  CHECK(names({{"0", 0}, {"1", 1.5}}) == Names{"0", "1.5"});
  CHECK(names({{"0", nullptr}, {"1", "yes"}}) == Names{"LABEL_0", "yes"});
  CHECK(names({{"1", "one"}, {"2", "two"}}) == Names{"LABEL_0", "one"});  // a key is a class number
  CHECK(names({{"0", "zero"}, {"2", "two"}}) == Names{"zero", "LABEL_1"});
}

TEST_CASE("config: quantized weights are refused by the name of what made them") {
  CHECK(message_of(Architecture::bert,
                   [](Json& j) {
                     j["quantization_config"] = {{"quant_method", "gptq"}};
                   }) ==
        "config.json: field \"quantization_config\": found \"gptq\", wanted weights that are not quantized");
}

TEST_CASE("config: wrong types and values name file and field, what was found and what was wanted") {
  const auto check = [](const char* field, const Json& value, const char* rest) {
    const std::string message = message_of(Architecture::bert, [&](Json& j) { j[field] = value; });
    CAPTURE(message);
    CHECK(message.starts_with(concat("config.json: field \"", field, "\": found ")));
    CHECK(message.find(rest) != std::string::npos);
  };
  check("hidden_size", "32", "\"32\" (string)");
  check("hidden_size", 32.5, "32.5");
  check("hidden_size", -32, "-32");
  check("num_hidden_layers", 0, "0");
  check("vocab_size", true, "true");
  check("layer_norm_eps", "small", "\"small\" (string)");
  check("is_decoder", 1, "1");
  check("id2label", Json::array(), "an array, wanted an object");
  check("model_type", "deberta-v2", "\"deberta-v2\", wanted one of bert, distilbert, roberta, gpt2");
  check("model_type", 3, "3");
  check("num_labels", 0, "0");
  check("id2label", Json::object(), "no labels, wanted at least 1");
}

TEST_CASE("config: values that only make sense together") {
  const auto starts = [](Architecture a, const char* field, const Json& value, const char* expected) {
    const std::string message = message_of(a, [&](Json& j) { j[field] = value; });
    CAPTURE(message);
    CHECK(message.starts_with("config.json: "));
    CHECK(message.find(expected) != std::string::npos);
  };
  starts(Architecture::bert, "num_attention_heads", 5, "found 5, wanted a divisor of the width 32");
  starts(Architecture::gpt2, "n_head", 7, "found 7, wanted a divisor of the width 32");
  starts(Architecture::bert, "attention_probs_dropout_prob", 1.5, "found 1.5, wanted a number in [0, 1)");
  starts(Architecture::distilbert, "pad_token_id", 101, "found 101, wanted an id below 101");
  starts(Architecture::roberta, "max_position_embeddings", 2, "wanted an integer from 3");
  starts(Architecture::bert, "id2label", Json{{"0", "a"}, {"two", "b"}}, "wanted names for 0 to 1");
}

TEST_CASE("config: errors call a field as the file does") {
  const auto names = [](Architecture a, const char* field, const Json& value) {
    const std::string message = message_of(a, [&](Json& j) { j[field] = value; });
    CAPTURE(message);
    CHECK(message.find(concat("field \"", field, "\"")) != std::string::npos);
  };
  names(Architecture::bert, "num_attention_heads", 5);
  names(Architecture::gpt2, "n_head", 7);
  names(Architecture::bert, "attention_probs_dropout_prob", 1.5);
  names(Architecture::bert, "hidden_dropout_prob", 1.5);
  names(Architecture::distilbert, "pad_token_id", 101);
}

TEST_CASE("config: features that would change the numbers are refused") {
  const auto refused = [](Architecture a, const char* field, const Json& value, const char* rest) {
    CHECK(message_of(a, [&](Json& j) { j[field] = value; }) ==
          concat("config.json: field \"", field, "\": found ", rest));
  };
  refused(Architecture::bert, "position_embedding_type", "relative_key", "\"relative_key\", wanted absolute");
  refused(Architecture::bert, "is_decoder", true, "true, wanted false");
  refused(Architecture::roberta, "add_cross_attention", true, "true, wanted false");
  refused(Architecture::gpt2, "scale_attn_by_inverse_layer_idx", true, "true, wanted false");
  refused(Architecture::gpt2, "scale_attn_weights", false, "false, wanted true");
}

TEST_CASE("config: our switches are checked as well") {
  const auto message = [](const Json& own) {
    return message_of(Architecture::bert, [&](Json& j) { j["slalom"] = own; });
  };
  CHECK(message({{"positions", "some"}}) ==
        "config.json: slalom: field \"positions\": found \"some\", wanted one of learned, rope, none");
  CHECK(message({{"attention", 3}}).starts_with("config.json: slalom: field \"attention\": found 3"));
  CHECK(message({{"norm", "batch"}}) ==
        "config.json: slalom: field \"norm\": found \"batch\", wanted one of layer, rms, none");
  CHECK(message({{"read_out", "middle"}}) ==
        "config.json: slalom: field \"read_out\": found \"middle\", wanted one of first, last");
  CHECK(message({{"residual", "no"}}).starts_with("config.json: slalom: field \"residual\": found \"no\""));
  CHECK(message(7).starts_with("config.json: field \"slalom\": found 7"));
}

TEST_CASE("read_config: names the file") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(read_config(folder.path),
                       concat(folder.path, "/config.json: cannot open: No such file or directory").c_str(),
                       Error);
  folder.write("config.json", "{\"model_type\": ");
  try {
    read_config(folder.path);
    FAIL("half a file was read");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with(folder.file("config.json: byte ")));
  }
}
