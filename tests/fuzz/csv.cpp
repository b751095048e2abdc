// libFuzzer: whatever the bytes, CsvReader and the readers of published CSV files throw Error or give records
// that hold together.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "memory_file.hpp"
#include "slalom/base/error.hpp"
#include "slalom/data/csv.hpp"
#include "slalom/data/human_attention.hpp"
#include "slalom/data/reviews.hpp"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

template <class Body>
void unless_refused(const Body& body) {
  try {
    body();
  } catch (const slalom::Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string path = slalom::test::memory_file(bytes, size);
  unless_refused([&] {
    slalom::CsvReader reader(path);
    slalom::Index last = 0;
    for (std::vector<std::string> fields; reader.next(fields); last = reader.line_number())
      must(!fields.empty() && reader.line_number() > last);
  });
  unless_refused([&] {
    for (const slalom::Review& review : slalom::read_polarity_csv(path))
      must(review.text.find('\n') == std::string::npos && (review.label == 0 || review.label == 1));
  });
  unless_refused([&] {
    for (const slalom::AttendedReview& review : slalom::read_human_attention_csv(path, "50"))
      for (const auto& marks : review.marks) must(marks.size() == review.words.size());
  });
  return 0;
}
