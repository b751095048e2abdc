#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/kernels/math.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/ops/cross_entropy.hpp"
#include "step.hpp"

namespace slalom::tour {

namespace {

constexpr Index kCls = 0, kWord = 3;  // the rows of text 0 that the tour looks at: [CLS] and "perfect"

/// The largest difference over all rows between an activation and what the formula gives for the row.
template <class Formula>
double difference_over_rows(const Matrix& found, const Formula& formula) {
  double worst = found.rows() == 0 ? INFINITY : 0;
  for (Index r = 0; r < found.rows(); ++r) worst = std::max(worst, difference(found.row(r), formula(r)));
  return worst;
}

const BlockIds& block(const Step& step) {
  return step.model.blocks().front();
}

/// The columns of head h.
Span head_of(const Step& step, Span row, Index h) {
  const auto d = static_cast<std::size_t>(step.config().width / step.config().heads);
  return row.subspan(static_cast<std::size_t>(h) * d, d);
}

// --- rows ------------------------------------------------------------------------------------------------

/// text 1  worst movie: -1.5 + 0 = -1.5, label 0
std::string truth_of(const Step& step, Index b) {
  const std::span<const TokenId> all = step.batch.text(b), words = all.subspan(1, all.size() - 2);
  std::string names, weights;
  for (const TokenId& id : words) {
    names += " " + step.source.vocabulary().token(id);
    weights += (weights.empty() ? "" : " + ") + shortest(step.source.log_odds({&id, 1}));
  }
  return concat("text ", b, ":", names, ", ", weights, " = ", shortest(step.source.log_odds(words)),
                ", label ", step.batch.labels[static_cast<std::size_t>(b)]);
}

void show_texts(const Step& step, Page& page) {
  page.section("Texts become packed rows");
  page.say(
      "Each word of the study has a true weight, and the true log-odds of a text is their sum: this is what "
      "the model is to find out. It sees labels only, here 1 where the sum is positive.");
  for (Index b = 0; b < step.batch.texts(); ++b) page.lines(truth_of(step, b));
  page.say("Texts are wrapped in [CLS] and [SEP] and laid one behind the other:");
  std::vector<Table::Column> columns = {{"row"}};
  std::vector<std::string> words = {"token"}, ids = {"id"}, positions = {"position"};
  for (Index r = 0; r < step.batch.rows(); ++r) {
    columns.push_back({std::to_string(r), Table::Align::right});
    words.push_back(step.word(r));
    ids.push_back(std::to_string(step.id(r)));
    positions.push_back(std::to_string(step.position_of(r)));
  }
  Table table(columns);
  for (const auto& cells : {words, ids, positions}) table.add_row(cells);
  page.table(table);
  const std::vector<Index>& begin = step.batch.begin;
  const Index N = step.batch.rows(), padded = 2 * std::max(begin[1], N - begin[1]);
  page.say(concat("begin = (", begin[0], ", ", begin[1], ", ", begin[2],
                  "): text b owns rows begin[b] to begin[b + 1] - 1. Padding the shorter text would make ",
                  padded, " rows, of which ", padded - N,
                  " are computed and then masked out of every sum. Here N = ", N,
                  " rows, and attention simply stays within a text."));
}

// --- embeddings ------------------------------------------------------------------------------------------

void show_embeddings(const Step& step, Page& page) {
  const EmbeddingIds& ids = step.model.embedding();
  const Matrix x = step.activation("embed");
  page.section("Embeddings: x = LN(E_token[id] + E_position[position])", "x (N, D)");
  page.say(concat("A row of each table is added up, then LayerNorm subtracts the mean of the D numbers and ",
                  "divides by their standard deviation. Row ", kWord, ", \"", step.word(kWord), "\":"));
  const auto added = [&](Index r) {
    return sum(step.parameter_row(ids.token, step.id(r)),
               step.parameter_row(ids.position, step.position_of(r)));
  };
  page.row(concat("E_token[", step.id(kWord), "]"), step.parameter_row(ids.token, step.id(kWord)));
  page.row(concat("E_position[", kWord, "]"), step.parameter_row(ids.position, kWord));
  page.row("sum", added(kWord));
  page.row(concat("x[", kWord, "] = LN(sum)"), x.row(kWord));
  page.check("x of all rows is what the formula says",
             difference_over_rows(x, [&](Index r) { return layer_norm(step, ids.norm, added(r)); }));
}

// --- attention -------------------------------------------------------------------------------------------

void show_queries(const Step& step, Page& page) {
  const Matrix x = step.activation("embed"), q = step.activation("blocks.0.attn.q"),
               k = step.activation("blocks.0.attn.k"), v = step.activation("blocks.0.attn.v");
  page.section("Queries, keys, values: q = W_q x + b_q, k and v alike", "(N, D)");
  page.say(
      concat("q says what a row looks for, k what it can be found by, v what it hands over. Head h owns ",
             "columns 4h to 4h + 3. How much [CLS] wants of \"", step.word(kWord), "\" in head 0:"));
  const Span query = head_of(step, q.row(kCls), 0), key = head_of(step, k.row(kWord), 0);
  page.row(concat("q[", kCls, "], head 0"), query);
  page.row(concat("k[", kWord, "], head 0"), key);
  std::string terms;
  for (std::size_t i = 0; i < query.size(); ++i)
    terms += (i > 0 ? " + " : "") + number(query[i]) + "·" + number(key[i]);
  page.lines(concat("score = q·k / √d\n= (", terms, ") / 2 = ", number(dot(query, key) / 2)));
  page.check("q of all rows is W_q x + b_q",
             difference_over_rows(q, [&](Index r) { return affine(step, block(step).query, x.row(r)); }));
  const auto D = static_cast<std::ptrdiff_t>(step.config().width);
  const auto half = [&](Index r, std::ptrdiff_t first) {
    const Vector both = affine(step, block(step).keys_values, x.row(r));
    return Vector(both.begin() + first, both.begin() + first + D);
  };
  page.check("so are k and v, which the program computes in one product",
             std::max(difference_over_rows(k, [&](Index r) { return half(r, 0); }),
                      difference_over_rows(v, [&](Index r) { return half(r, D); })));
}

/// Attention of text 0 in head h, row by row: softmax over its keys of q·k / √d.
Matrix plain_pattern(const Step& step, Index h) {
  const Matrix q = step.activation("blocks.0.attn.q"), k = step.activation("blocks.0.attn.k");
  const Index S = step.batch.begin[1];
  Matrix pattern{S, {}};
  for (Index i = 0; i < S; ++i) {
    const Span query = head_of(step, q.row(i), h);
    Vector scores;
    for (Index j = 0; j < S; ++j)
      scores.push_back(dot(query, head_of(step, k.row(j), h)) / std::sqrt(static_cast<double>(query.size())));
    const Vector weights = softmax(scores);
    pattern.data.insert(pattern.data.end(), weights.begin(), weights.end());
  }
  return pattern;
}

/// The patterns of the batch lie text by text, head by head; this is head h of text 0.
Matrix recorded_pattern(const Step& step, Index h) {
  const Index S = step.batch.begin[1];
  const Vector all = step.activation("blocks.0.attn.pattern").data;
  return {S, {all.begin() + h * S * S, all.begin() + (h + 1) * S * S}};
}

void show_pattern(const Step& step, Page& page) {
  page.section("Attention pattern: a_ij = softmax over j of score_ij", "a (H, S, S)");
  page.say("Row i says how token i divides its attention among the tokens j of its text.");
  double worst = 0, sums = 0;
  for (Index h = 0; h < step.config().heads; ++h) {
    const Matrix a = recorded_pattern(step, h);
    std::vector<Table::Column> columns = {{concat("text 0, head ", h)}};
    for (Index j = 0; j < a.columns; ++j) columns.push_back({step.word(j), Table::Align::right});
    Table table(columns);
    for (Index i = 0; i < a.rows(); ++i) {
      std::vector<std::string> cells = {step.word(i)};
      for (const double weight : a.row(i)) cells.push_back(number(weight, 2));
      table.add_row(cells);
      sums = std::max(sums, std::abs(dot(a.row(i), Vector(a.row(i).size(), 1)) - 1));
    }
    page.table(table);
    worst = std::max(worst, difference(a.data, plain_pattern(step, h).data));
  }
  page.check("both matrices are what the formula says", worst);
  page.check("every row sums to 1", sums);
}

void show_attention_out(const Step& step, Page& page) {
  const Matrix x = step.activation("embed"), v = step.activation("blocks.0.attn.v"),
               z = step.activation("blocks.0.attn.z"), out = step.activation("blocks.0.attn.out"),
               mid = step.activation("blocks.0.resid_mid");
  page.section("Attention output: z_i = Σ_j a_ij v_j, m = LN(x + W_o z + b_o)", "(N, D)");
  page.say(
      "z is an average of values, so a token that comes again pulls it towards its own value and is never "
      "simply added (see section 13). Heads lie side by side, W_o mixes them, x is added again. [CLS]:");
  Vector average;
  for (Index h = 0; h < step.config().heads; ++h) {
    const Matrix a = recorded_pattern(step, h);
    Vector head(head_of(step, v.row(kCls), h).size());
    for (Index j = 0; j < a.columns; ++j)
      for (std::size_t c = 0; c < head.size(); ++c)
        head[c] += a.row(kCls)[static_cast<std::size_t>(j)] * head_of(step, v.row(j), h)[c];
    average.insert(average.end(), head.begin(), head.end());
  }
  page.row("z", z.row(kCls));
  page.row("W_o z + b_o", out.row(kCls));
  page.row("m", mid.row(kCls));
  page.check("z of this row is that average", difference(z.row(kCls), average));
  page.check("m of all rows is what the formula says", difference_over_rows(mid, [&](Index r) {
               const Vector o = affine(step, block(step).attention_out, z.row(r));
               return layer_norm(step, block(step).norm1, sum(x.row(r), o));
             }));
}

// --- feed-forward and head -------------------------------------------------------------------------------

void show_feed_forward(const Step& step, Page& page) {
  const Matrix mid = step.activation("blocks.0.resid_mid"), pre = step.activation("blocks.0.mlp.pre"),
               post = step.activation("blocks.0.mlp.post"), y = step.activation("blocks.0.resid_post");
  page.section("Feed-forward: y = LN(m + W_2 gelu(W_1 m + b_1) + b_2)", "(N, D)");
  const double u = pre.row(kCls)[0], g = post.row(kCls)[0];
  page.say(
      concat("Each row by itself: D numbers become F, pass through gelu(u) = u Φ(u), and become D again. ",
             "The first of the F numbers of [CLS]: gelu(", number(u), ") = ", number(u), " · ",
             number(normal_distribution(u).cumulative), " = ", number(g), "."));
  page.row("y of [CLS]", y.row(kCls));
  page.check("y of all rows is what the formula says", difference_over_rows(y, [&](Index r) {
               Vector hidden = affine(step, block(step).feed_forward_in, mid.row(r));
               for (double& value : hidden) value *= 0.5 * std::erfc(-value / std::sqrt(2.0));
               const Vector o = affine(step, block(step).feed_forward_out, hidden);
               return layer_norm(step, block(step).norm2, sum(mid.row(r), o));
             }));
}

void show_head(const Step& step, Page& page) {
  const Matrix read_out = step.activation("read_out"), hidden = step.activation("head.hidden"),
               logits = step.activation("logits"), y = step.activation("blocks.0.resid_post");
  page.section("Head: logits = W_c relu(W_p y[CLS] + b_p) + b_c", "(B, C)");
  page.say(
      "Of all rows of a text the head reads one, [CLS], through pre_classifier (W_p) and classifier (W_c). "
      "Training therefore computes only that row of the last block; this page asked for all of them.");
  page.row("relu(…), text 0", hidden.row(0));
  page.row("logits, text 0", logits.row(0));
  page.row("logits, text 1", logits.row(1));
  double read = 0;
  for (Index b = 0; b < step.batch.texts(); ++b)
    read = std::max(read, difference(read_out.row(b), y.row(step.batch.begin[static_cast<std::size_t>(b)])));
  page.check("the rows that it reads are those of [CLS]", read);
  page.check("the logits of both texts are what the formula says", difference_over_rows(logits, [&](Index b) {
               Vector h = affine(step, step.model.head().hidden, read_out.row(b));
               for (double& value : h) value = std::max(value, 0.0);
               return affine(step, step.model.head().out, h);
             }));
}

void show_loss(Step& step, Page& page) {
  const Matrix logits = step.activation("logits");
  page.section("Loss: the mean over texts of -log p(label), in nats");
  page.say(
      "The log-odds F = logit_1 - logit_0 is what SLALOM and the other explanations explain. The "
      "softmax of two logits is p(1) = 1 / (1 + exp(-F)).");
  Table table({{"text"},
               {"label", Table::Align::right},
               {"F", Table::Align::right},
               {"p(0)", Table::Align::right},
               {"p(1)", Table::Align::right},
               {"-log p(label)", Table::Align::right}});
  double total = 0, off = 0;
  for (Index b = 0; b < step.batch.texts(); ++b) {
    const int label = step.batch.labels[static_cast<std::size_t>(b)];
    const double F = log_odds(logits.row(b), 1), p1 = 1 / (1 + std::exp(-F));
    const Vector p = softmax(logits.row(b));
    const double loss = -std::log(p[static_cast<std::size_t>(label)]);
    table.add_row(
        {std::to_string(b), std::to_string(label), number(F), number(p[0]), number(p[1]), number(loss, 4)});
    total += loss;
    off = std::max({off, std::abs(p1 - p[1]), std::abs(F - (logits.row(b)[1] - logits.row(b)[0]))});
  }
  page.table(table);
  const double mean = total / static_cast<double>(step.batch.texts());
  const double recorded = step.tape.value(step.loss).data[0];
  page.lines(concat("L = ", number(total, 4), " / 2 = ", number(mean, 4)));
  page.check("p(1) = 1 / (1 + exp(-F)) for both texts", off);
  page.check("L is what the tape recorded", std::abs(mean - recorded));
  page.check("L is the same if only the [CLS] rows are computed, as in training",
             std::abs(step.loss_now() - recorded));
}

}  // namespace

void show_forward(Step& step, Page& page) {
  step.forward();
  show_texts(step, page);
  show_embeddings(step, page);
  show_queries(step, page);
  show_pattern(step, page);
  show_attention_out(step, page);
  show_feed_forward(step, page);
  show_head(step, page);
  show_loss(step, page);
}

}  // namespace slalom::tour
