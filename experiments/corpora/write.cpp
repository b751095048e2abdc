// The files that studies read.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "corpora.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/random.hpp"

namespace slalom::corpora {

std::string normalised_text(const std::string& text) {
  constexpr std::string_view kBreak = "<br />";
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (std::string_view(text).substr(at).starts_with(kBreak)) {
      at += kBreak.size() - 1;
      continue;
    }
    const char c = text[at];
    if (c >= 'A' && c <= 'Z')
      out += static_cast<char>(c - 'A' + 'a');
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      out += c;
  }
  return out;
}

std::vector<Review> balanced_order(std::vector<Review> reviews, std::uint64_t seed) {
  std::array<std::vector<Review>, 2> of_label;
  for (Review& review : reviews)
    of_label.at(static_cast<std::size_t>(review.label)).push_back(std::move(review));
  for (std::uint64_t label = 0; label < 2; ++label) {
    Rng rng(seed, Purpose::data, label);
    std::vector<Review>& list = of_label[label];
    for (std::size_t left = list.size(); left > 1; --left)
      std::swap(list[left - 1], list[rng.below(static_cast<std::uint32_t>(left))]);
  }
  Rng first(seed, Purpose::data, 2);
  reviews.clear();
  for (std::size_t pair = 0; pair < std::max(of_label[0].size(), of_label[1].size()); ++pair)
    for (const std::size_t flip = first.below(2); const std::size_t label : {flip, 1 - flip})
      if (pair < of_label[label].size()) reviews.push_back(std::move(of_label[label][pair]));
  return reviews;
}

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

void write_attended(const std::string& path, const std::vector<AttendedReview>& reviews) {
  OutputFile file(path);
  for (const AttendedReview& review : reviews) {
    std::vector<std::string> attention;
    for (const auto& marks : review.marks) {
      std::string& row = attention.emplace_back();
      for (const std::uint8_t mark : marks) row += concat(row.empty() ? "[" : ",", mark == 1 ? 1 : 0);
      row += "]";
    }
    file.write(JsonRow()
                   .field("id", review.id)
                   .field("subset", review.subset)
                   .field("label", review.label)
                   .field("tokens", std::span<const std::string>(review.words))
                   .field("answers", std::span<const std::string>(review.answers))
                   .raw_array("attention", attention)
                   .str() +
               "\n");
  }
  file.commit();
}

}  // namespace

Index Writer::drop_repeated(const std::string& corpus, std::vector<Review>& reviews) {
  const auto is_repeated = [&](const Review& review) {
    return !seen_[corpus].insert(fingerprint(normalised_text(review.text))).second;
  };
  return static_cast<Index>(std::erase_if(reviews, is_repeated));
}

/// Studies look for NAME.gz, then for NAME: what an earlier run left as the other one must not be found.
void Writer::remove_other_form(const std::string& name) const {
  std::filesystem::remove(folder_ + "/" +
                          (name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name + ".gz"));
}

void Writer::write_reviews(const std::string& name, const std::vector<Review>& reviews) const {
  OutputFile file(folder_ + "/" + name);
  for (const Review& review : reviews) file.write(concat(review.label, "\t", review.text, "\n"));
  file.commit();
  remove_other_form(name);
}

void Writer::copy(const std::string& path, const std::string& name) const {
  std::ifstream in(path, std::ios::binary);  // the bytes as they are stored, compressed or not
  write_file(folder_ + "/" + name, std::string(std::istreambuf_iterator<char>(in), {}));
  remove_other_form(name);
}

Writer::Written Writer::add(const Known& known, const std::string& path, const std::string& name,
                            Contents contents) {
  make_folders(folder_);
  const std::string corpus = known.gives.substr(0, known.gives.find('_'));
  if (known.is_original()) {
    given_.insert(known.gives);
  } else if (!given_.insert(known.gives).second) {
    return {};
  }
  for (const AttendedReview& review : contents.attended)
    seen_[corpus].insert(fingerprint(normalised_text(joined(review.words))));
  Written written{.name = known.gives};
  if (known.form == "attended_csv") {
    std::ranges::move(contents.attended, std::back_inserter(attended_));
    return written;
  }
  written.dropped = drop_repeated(corpus, contents.reviews);
  if (known.is_original()) {
    write_reviews(known.gives, balanced_order(std::move(contents.reviews), seed_));
    return written;
  }
  if (name.find('/') == std::string::npos) written.name = name;
  copy(path, written.name);
  written.dropped = 0;
  return written;
}

void Writer::finish() {
  std::map<std::string, std::vector<AttendedReview>> files;
  for (AttendedReview& review : attended_) {
    const bool whole = review.marks.size() == 3 && review.subset != "part7";
    files[whole ? "yelp_hat.jsonl" : "yelp_hat_extra.jsonl"].push_back(std::move(review));
  }
  for (const auto& [name, reviews] : files) {
    write_attended(folder_ + "/" + name, reviews);
    remove_other_form(name);
  }
}

}  // namespace slalom::corpora
