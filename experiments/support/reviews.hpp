// Reviews and their classifiers: what the programs that train, ask and explain these must agree on.
#pragma once

#include <string>
#include <vector>

#include "experiment.hpp"
#include "slalom/data/human_attention.hpp"
#include "slalom/data/reviews.hpp"
#include "slalom/data/rows.hpp"
#include "slalom/data/unigram_classes.hpp"
#include "slalom/nn/config.hpp"
#include "slalom/text/tokenizer.hpp"
#include "slalom/train/trainer.hpp"

namespace slalom::experiment {

/// What is chosen to have generated reviews.
inline constexpr const char* kGenerated = "generated";

struct TextCorpus {
  std::string key;    // "imdb", "yelp", "sst2" or "generated"
  std::string title;  // "IMDB", "generated reviews"
  bool generated = false;
  std::vector<Review> train, test;  // no review of one is in the other
};

/// The folder of public reviews; "" for generated ones, which are kGenerated or, said on stderr, nothing
/// chosen. Throws Error if the chosen one is not there.
std::string data_folder(const std::string& chosen);
/// "folder of …, or "generated" (default)", for the help of --data.
std::string data_folder_help(const std::string& files);

/// The first reviews of KEY_train.tsv and KEY_test.tsv (of SST-2: sst2_train.tsv, sst2_dev.tsv), each also
/// with .gz; of an empty folder generated ones, a function of the seed. Throws Error for another key, for
/// files that are missing and as the readers do.
TextCorpus read_corpus(const std::string& key, const std::string& folder, Index most_train, Index most_test,
                       std::uint64_t seed);

/// The first reviews of a subset, "50", "100" or "200" words long, of yelp_hat.jsonl or yelp_hat.tsv, each
/// also with .gz; of an empty folder generated ones. Throws Error as read_corpus() does, and for a subset
/// that the file does not have.
std::vector<AttendedReview> read_attended(const std::string& folder, const std::string& subset, Index most,
                                          std::uint64_t seed);

inline constexpr Index kPositive = 1;
/// Texts drawn from the unigram distributions of IMDB's classes: their log-odds are known.
inline constexpr const char* kBagOfImdb = "imdb_bow";
/// "drawn from IMDB".
inline std::string drawn_from(const TextCorpus& corpus) {
  return "drawn from " + corpus.title;
}
/// The file of a model's folder that says how it was trained and how well it does.
inline constexpr const char* kTrainingRecord = "text_model.json";

/// "distilbert_2" and "DistilBERT, 2 layers".
struct TextModel {
  Architecture architecture;
  Index layers;

  std::string key() const;
  std::string title() const;
};
/// FOLDER/CORPUS/MODEL; the corpus by its key.
std::string folder_of(const TextModel& model, const std::string& corpus, const std::string& folder);
/// All models for lists such as "distilbert,gpt2" and "2,6". Throws UsageError for what is no architecture or
/// no depth.
std::vector<TextModel> text_models(const std::string& architectures, const std::string& layers);

/// The tokenizer of an architecture's models, its files written into the folder: those of the data folder
/// (bert-base-uncased-vocab.txt; gpt2-vocab.json and gpt2-merges.txt), else trained on the training reviews.
Tokenizer make_tokenizer(Architecture architecture, const TextCorpus& corpus, const std::string& data,
                         const std::string& folder);
/// Tells [CLS], [SEP], [PAD] and <|endoftext|>.
std::function<bool(TokenId)> special_ids_of(const Tokenizer& tokenizer);

/// The first `longest` tokens of a text, those that the tokenizer puts behind it included.
InputRow encoded(const std::string& text, const Tokenizer& tokenizer, Index longest);
/// Reviews with their labels. One of nothing but spaces has no tokens without special ones: it is left out.
std::vector<InputRow> encoded(const std::vector<Review>& reviews, const Tokenizer& tokenizer, Index longest);
PackedBatch batch_of(const std::vector<InputRow>& rows);
/// Of everything that a model learns from.
std::string fingerprint_of(const PackedBatch& texts, std::string so_far);

/// A classifier of reviews that reads texts of at most `longest` tokens, with one rate of dropout everywhere.
struct ReviewClassifier {
  Architecture architecture;
  Index layers, width, heads, longest;
  double dropout;
};
ClassifierConfig config_of(const ReviewClassifier& classifier, const Tokenizer& tokenizer);
/// AdamW, a tenth of the steps of linear warm-up and then decay, gradients clipped to norm 1, batches of
/// kBatch texts; the part's checkpoints.
inline constexpr Index kBatch = 20;
TrainingConfig training_of(const Options& options, const Part& part, Index texts, Index epochs, double rate);

/// Of an LSTM (lstm.hpp) that reads reviews: its width, and the learning rate of AdamW.
inline constexpr Index kLstmWidth = 64;
inline constexpr double kLstmRate = 3e-3;

/// The bags of words that look like the corpus (smoothing 20), and what wraps them for a model. The tokenizer
/// must outlive it.
struct BagOfCorpus {
  UnigramClasses source;
  SpecialTokens special;

  BagOfCorpus(const std::vector<InputRow>& corpus, const Tokenizer& tokenizer, Index longest,
              std::uint64_t seed);
  /// The number of the first text that no model is trained on.
  static constexpr Index kFirstTestText = Index{1} << 40;
};

}  // namespace slalom::experiment
