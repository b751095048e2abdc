// Which texts are explained, and which of their tokens people marked.
#include "text_study.hpp"

namespace slalom::text_study {

using namespace experiment;

namespace {

// Every word's mark for its tokens; punctuation marks stay unmarked, as in the published ground truth.
std::vector<int> token_marks(const AttendedReview& review, const std::string& text,
                             const Encoding& encoding) {
  const std::vector<std::uint8_t> marked = consensus(review);
  std::vector<std::size_t> word_at(text.size());  // of each byte
  std::size_t byte = 0;
  for (std::size_t w = 0; w < review.words.size(); ++w)
    for (const std::size_t end = byte + review.words[w].size() + 1; byte < std::min(end, text.size()); ++byte)
      word_at[byte] = w;
  std::vector<int> marks(encoding.ids.size());
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const TokenPlace& place = encoding.places[i];
    if (place.part < 0 || place.begin == place.end) continue;
    const auto begin = static_cast<std::size_t>(place.begin), end = static_cast<std::size_t>(place.end);
    const bool spoken = std::any_of(text.begin() + place.begin, text.begin() + place.end,
                                    [](char c) { return c < 0 || std::isalnum(c) != 0; });
    marks[i] = spoken && marked[word_at[std::min(begin, end - 1)]] != 0;
  }
  return marks;
}

std::vector<StudyText> reviews(const TextCorpus& corpus, const Subject& subject, Index count,
                               const TokenRange& range) {
  std::vector<StudyText> texts;
  for (Index i = 0; i < std::ssize(corpus.test) && std::ssize(texts) < count; ++i) {
    const Review& review = corpus.test[static_cast<std::size_t>(i)];
    Encoding encoding = encoded(review.text, *subject.tokenizer, subject.longest);
    const Index tokens = ExplainedText(encoding, special_ids_of(*subject.tokenizer)).players();
    if (tokens < range.least || tokens > range.most) continue;
    texts.push_back({.corpus = corpus.key,
                     .corpus_title = corpus.title,
                     .number = i,
                     .label = review.label,
                     .encoding = std::move(encoding)});
  }
  if (texts.empty()) throw Error(concat("[text_study] ", corpus.title, ": no review of as many tokens"));
  return texts;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Texts at even distances, since files may be sorted.
std::vector<StudyText> attended(const std::string& subset, const Subject& subject, const Settings& options) {
  std::vector<StudyText> texts;
  const Index all = options.data.empty() ? options.sizes.attended : std::numeric_limits<Index>::max();
  const std::vector<AttendedReview> reviews = read_attended(options.data, subset, all, options.seed);
  const Index n = std::ssize(reviews), count = std::min(options.sizes.attended, n);
  for (Index i = 0; i < count; ++i) {
    const AttendedReview& review = reviews[static_cast<std::size_t>(i * n / count)];
    const std::string text = joined(review.words);
    StudyText one{
        .corpus = "hat" + subset,
        .corpus_title = (options.data.empty() ? "generated reviews of " : "Yelp-HAT, ") + subset + " words",
        .number = i * n / count,
        .label = review.label,
        .encoding = encoded(text, *subject.tokenizer, subject.longest)};
    one.marks = token_marks(review, text, one.encoding);
    one.attended = published::attended_tokens(text, consensus(review), *subject.tokenizer);
    texts.push_back(std::move(one));
  }
  return texts;
}

}  // namespace

std::vector<StudyText> texts_of(const std::string& part, const TextCorpus& corpus, const BagOfCorpus* drawn,
                                const Subject& subject, const Settings& options) {
  if (part == "human") {
    std::vector<StudyText> texts;
    for (const char* subset : {"50", "100", "200"})
      for (StudyText& text : attended(subset, subject, options)) texts.push_back(std::move(text));
    return texts;
  }
  if (part != "drawn")
    return reviews(corpus, subject, subject.transformer ? options.sizes.texts : options.sizes.references,
                   options.tokens);
  std::vector<StudyText> texts;
  for (Index i = 0; i < options.sizes.drawn; ++i) {
    SyntheticText text;
    drawn->source.get(BagOfCorpus::kFirstTestText + i, text);
    texts.push_back({.corpus = kBagOfImdb,
                     .corpus_title = drawn_from(corpus),
                     .number = i,
                     .label = text.label,
                     .encoding = {wrap(text.tokens, drawn->special), {}, {}},
                     .drawn = &drawn->source});
  }
  return texts;
}

}  // namespace slalom::text_study
