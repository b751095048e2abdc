// The whole idea in one file, in plain C++20: why attention cannot add.
//
//   g++ -std=c++20 -O2 experiments/one_file/slalom_one.cpp -o slalom_one && ./slalom_one
//
// Read it from top to bottom: matrices, operations with their derivatives, a transformer of one layer,
// training on texts whose log-odds are a sum of word weights, the repeated word, a SLALOM of the model.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

using Text = std::vector<int>;  // ids of tokens

// ---- A matrix, and the derivative of the loss by each of its numbers
struct Matrix {
  int rows = 0, cols = 0;
  std::vector<double> x, slope, m, v;  // numbers, derivatives, and Adam's two running means
  Matrix(int r, int c) : rows(r), cols(c), x(r * c), slope(r * c), m(r * c), v(r * c) {}
  double& at(int i, int j) { return x[i * cols + j]; }
  double& d(int i, int j) { return slope[i * cols + j]; }
  void each(const auto& f) const {
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < cols; ++j) f(i, j);
  }

  // One step of Adam: a number moves by its mean slope over the root of its mean squared slope.
  void update(double rate, int step) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      m[i] = 0.9 * m[i] + 0.1 * slope[i];
      v[i] = 0.999 * v[i] + 0.001 * slope[i] * slope[i];
      const double mean = m[i] / (1 - std::pow(0.9, step)), square = v[i] / (1 - std::pow(0.999, step));
      x[i] -= rate * mean / (std::sqrt(square) + 1e-8);
      slope[i] = 0;
    }
  }
};

// ---- Operations. Each computes its result now, and notes how its inputs' derivatives follow from its own
struct Tape {
  std::deque<Matrix> results;
  std::vector<std::function<void()>> steps;  // run from the last to the first

  Matrix& make(int rows, int cols) { return results.emplace_back(rows, cols); }

  // y = x Wᵀ + b.
  Matrix& linear(Matrix& x, Matrix& W, Matrix& b) {
    Matrix& y = make(x.rows, W.rows);
    y.each([&](int i, int j) {
      y.at(i, j) = b.at(0, j);
      for (int k = 0; k < x.cols; ++k) y.at(i, j) += x.at(i, k) * W.at(j, k);
    });
    steps.push_back([&] {
      y.each([&](int i, int j) {
        b.d(0, j) += y.d(i, j);
        for (int k = 0; k < x.cols; ++k) x.d(i, k) += y.d(i, j) * W.at(j, k);
        for (int k = 0; k < x.cols; ++k) W.d(j, k) += y.d(i, j) * x.at(i, k);
      });
    });
    return y;
  }

  Matrix& add(Matrix& a, Matrix& b) {
    Matrix& y = make(a.rows, a.cols);
    for (std::size_t i = 0; i < y.x.size(); ++i) y.x[i] = a.x[i] + b.x[i];
    steps.push_back([&] {
      for (std::size_t i = 0; i < y.x.size(); ++i) a.slope[i] += y.slope[i], b.slope[i] += y.slope[i];
    });
    return y;
  }

  Matrix& relu(Matrix& a) {
    Matrix& y = make(a.rows, a.cols);
    for (std::size_t i = 0; i < y.x.size(); ++i) y.x[i] = std::max(a.x[i], 0.0);
    steps.push_back([&] {
      for (std::size_t i = 0; i < y.x.size(); ++i) a.slope[i] += a.x[i] > 0 ? y.slope[i] : 0;
    });
    return y;
  }

  // Rows of a table: row i of the result is the table's row ids[i].
  Matrix& rows_of(Matrix& table, Text ids) {
    Matrix& y = make(ids.size(), table.cols);
    y.each([&](int i, int j) { y.at(i, j) = table.at(ids[i], j); });
    steps.push_back([&table, &y, ids] { y.each([&](int i, int j) { table.d(ids[i], j) += y.d(i, j); }); });
    return y;
  }

  // Each row less its mean, over its standard deviation, times gain plus bias.
  Matrix& layer_norm(Matrix& a, Matrix& gain, Matrix& bias) {
    Matrix &y = make(a.rows, a.cols), &unit = make(a.rows, a.cols);
    std::vector<double> mean(a.rows), variance(a.rows, 1e-12);
    const double n = a.cols;
    a.each([&](int i, int j) { mean[i] += a.at(i, j) / n; });
    a.each([&](int i, int j) { variance[i] += (a.at(i, j) - mean[i]) * (a.at(i, j) - mean[i]) / n; });
    a.each([&](int i, int j) {
      unit.at(i, j) = (a.at(i, j) - mean[i]) / std::sqrt(variance[i]);
      y.at(i, j) = gain.at(0, j) * unit.at(i, j) + bias.at(0, j);
    });
    steps.push_back([&, variance, n] {
      std::vector<double> average(a.rows), along(a.rows);  // of the derivatives by the unit row
      y.each([&](int i, int j) {
        gain.d(0, j) += y.d(i, j) * unit.at(i, j);
        bias.d(0, j) += y.d(i, j);
        average[i] += y.d(i, j) * gain.at(0, j) / n;
        along[i] += y.d(i, j) * gain.at(0, j) * unit.at(i, j) / n;
      });
      y.each([&](int i, int j) {
        a.d(i, j) +=
            (y.d(i, j) * gain.at(0, j) - average[i] - along[i] * unit.at(i, j)) / std::sqrt(variance[i]);
      });
    });
    return y;
  }

  // Weights softmax(q kᵀ / √width), and the weighted MEAN of the values; kv holds keys, then values. The
  // weights of a row add up to 1 however many rows there are: this is the line that cannot add.
  Matrix& attention(Matrix& q, Matrix& kv) {
    const int n = q.rows, width = q.cols;
    Matrix &y = make(n, width), &weight = make(n, n);
    const double scale = 1 / std::sqrt(1.0 * width);
    weight.each([&](int i, int j) {
      for (int k = 0; k < width; ++k) weight.at(i, j) += scale * q.at(i, k) * kv.at(j, k);
    });
    for (int i = 0; i < n; ++i) {
      double top = -INFINITY, sum = 0;
      for (int j = 0; j < n; ++j) top = std::max(top, weight.at(i, j));
      for (int j = 0; j < n; ++j) sum += weight.at(i, j) = std::exp(weight.at(i, j) - top);
      for (int j = 0; j < n; ++j) weight.at(i, j) /= sum;
    }
    weight.each([&](int i, int j) {
      for (int k = 0; k < width; ++k) y.at(i, k) += weight.at(i, j) * kv.at(j, width + k);
    });
    steps.push_back([&, n, width, scale] {
      std::vector<double> mean(n);  // of the weights' derivatives
      weight.each([&](int i, int j) {
        for (int k = 0; k < width; ++k) {
          weight.d(i, j) += y.d(i, k) * kv.at(j, width + k);
          kv.d(j, width + k) += y.d(i, k) * weight.at(i, j);
        }
        mean[i] += weight.at(i, j) * weight.d(i, j);
      });
      weight.each([&](int i, int j) {
        const double score_slope = scale * weight.at(i, j) * (weight.d(i, j) - mean[i]);
        for (int k = 0; k < width; ++k) {
          q.d(i, k) += score_slope * kv.at(j, k);
          kv.d(j, k) += score_slope * q.at(i, k);
        }
      });
    });
    return y;
  }

  // −log softmax(logits)[label], and `share` of its derivatives by everything before it, from last to first.
  double learn(Matrix& logits, int label, double share) {
    const double top = std::max(logits.at(0, 0), logits.at(0, 1));
    const double sum = std::exp(logits.at(0, 0) - top) + std::exp(logits.at(0, 1) - top);
    for (int c : {0, 1}) logits.d(0, c) += share * (std::exp(logits.at(0, c) - top) / sum - (c == label));
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) (*step)();
    return std::log(sum) + top - logits.at(0, label);
  }
};

// ---- A DistilBERT of one layer, without positions: a text's tokens to two logits
struct Model {
  std::map<std::string, Matrix> p;

  Model(int vocabulary, int width, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal(0, 0.02);
    const auto matrix = [&](const std::string& name, int rows, int cols) -> std::vector<double>& {
      return p.emplace(name, Matrix(rows, cols)).first->second.x;
    };
    const auto layer = [&](const std::string& name, int out, int in) {
      for (double& x : matrix(name + ".weight", out, in)) x = normal(random);
      matrix(name + ".bias", 1, out);
    };
    for (double& x : matrix("embed.token.weight", vocabulary, width)) x = normal(random);
    for (const std::string norm : {"embed.norm", "blocks.0.norm1", "blocks.0.norm2"}) {
      matrix(norm + ".weight", 1, width).assign(width, 1);
      matrix(norm + ".bias", 1, width);
    }
    layer("blocks.0.attn.q", width, width);
    layer("blocks.0.attn.kv", 2 * width, width);
    layer("blocks.0.attn.out", width, width);
    layer("blocks.0.mlp.in", 4 * width, width);
    layer("blocks.0.mlp.out", width, 4 * width);
    layer("head.hidden", width, width);
    layer("head.out", 2, width);
  }

  Matrix& logits(Tape& t, const Text& text) {
    const auto linear = [&](const std::string& name, Matrix& x) -> Matrix& {
      return t.linear(x, p.at(name + ".weight"), p.at(name + ".bias"));
    };
    const auto norm = [&](const std::string& name, Matrix& x) -> Matrix& {
      return t.layer_norm(x, p.at(name + ".weight"), p.at(name + ".bias"));
    };
    Matrix& x = norm("embed.norm", t.rows_of(p.at("embed.token.weight"), text));
    Matrix& read = t.attention(linear("blocks.0.attn.q", x), linear("blocks.0.attn.kv", x));
    Matrix& middle = norm("blocks.0.norm1", t.add(x, linear("blocks.0.attn.out", read)));
    Matrix& inner = t.relu(linear("blocks.0.mlp.in", middle));
    Matrix& out = norm("blocks.0.norm2", t.add(middle, linear("blocks.0.mlp.out", inner)));
    return linear("head.out", t.relu(linear("head.hidden", t.rows_of(out, {0}))));
  }

  // F: log-odds of class 1 against class 0.
  double log_odds(const Text& text) {
    Tape t;
    const Matrix& y = logits(t, text);
    return y.x[1] - y.x[0];
  }
};

// ---- Training
// Mean loss of a batch; leaves its derivatives in the parameters.
double batch_loss(Model& model, const std::vector<Text>& texts, const std::vector<int>& labels) {
  double loss = 0;
  const double share = 1 / static_cast<double>(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Tape t;
    loss += share * t.learn(model.logits(t, texts[i]), labels[i], share);
  }
  return loss;
}

// ---- SLALOM: F(t) = Σ e^s v / Σ e^s over the tokens of t, by gradient descent on squared errors
struct Slalom {
  Matrix value, importance;

  Slalom(const std::vector<Text>& texts, const std::vector<double>& F, int tokens, int passes)
      : value(1, tokens), importance(1, tokens) {
    for (int step = 1; step <= passes; ++step) {
      for (std::size_t i = 0; i < texts.size(); ++i) {
        double weight = 0, found = 0;
        for (const int k : texts[i]) weight += std::exp(importance.x[k]);
        for (const int k : texts[i]) found += std::exp(importance.x[k]) / weight * value.x[k];
        for (const int k : texts[i]) {  // ∂F/∂v = share, ∂F/∂s = share · (v − F)
          const double share = std::exp(importance.x[k]) / weight;
          value.slope[k] += (found - F[i]) * share;
          importance.slope[k] += (found - F[i]) * share * (value.x[k] - found);
        }
      }
      value.update(0.02, step);
      importance.update(0.02, step);
    }
  }
};

int main() {
  const char* word[] = {"perfect", "best", "great", "nice", "the", "a", "dull", "bad", "poor", "worst"};
  const double weight[] = {1.5, 1.2, 0.9, 0.5, 0, 0, -0.5, -0.9, -1.2, -1.5};
  constexpr int kWords = 10, kStart = kWords;  // a text is [CLS], then words
  std::mt19937 random(1);

  Model model(kWords + 1, 32, 1);
  for (int step = 1; step <= 1500; ++step) {
    std::vector<Text> texts(16, {kStart});
    std::vector<int> labels;
    for (Text& text : texts) {  // 1 to 15 words; the label is drawn with the log-odds Σ weight
      double sum = 0;
      for (int n = 1 + random() % 15; n > 0; --n) {
        text.push_back(random() % kWords);
        sum += weight[text.back()];
      }
      labels.push_back(std::uniform_real_distribution<double>()(random) < 1 / (1 + std::exp(-sum)));
    }
    const double loss = batch_loss(model, texts, labels);
    for (auto& [name, w] : model.p) w.update(1e-3, step);
    if (step % 300 == 0) std::printf("step %4d  loss %.3f\n", step, loss);
  }

  std::puts("\n\"perfect\" n times: a sum rises by 1.5 a word, attention takes a mean");
  for (const int n : {1, 2, 3, 5, 10, 20, 30}) {
    Text text(n + 1);
    text[0] = kStart;
    std::printf("n %2d  sum %5.1f  attention %5.2f\n", n, weight[0] * n, model.log_odds(text));
  }

  // Values and importances, fitted to what the model says of all pairs of words.
  std::vector<Text> pairs;
  std::vector<double> F;
  for (int i = 0; i < kWords * kWords; ++i) {
    pairs.push_back({i / kWords, i % kWords});
    F.push_back(model.log_odds({kStart, i / kWords, i % kWords}));
  }
  const Slalom m(pairs, F, kWords, 2000);
  std::puts("\nSLALOM of the model\nword     true weight  value  importance");
  for (int k = 0; k < kWords; ++k)
    std::printf("%-8s  %10.1f  %5.2f  %10.2f\n", word[k], weight[k], m.value.x[k], m.importance.x[k]);
  return 0;
}
