// The numbers that the page must have, from a native program: F of "perfect" n times after some steps, as
// bits.
//
//   playground SEED "distilbert's numbers" STEP...   (the arguments of playground_create without the seed)
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "playground.hpp"

namespace {

constexpr int kPerfect = 5, kSwitches = 10, kMostRepeats = 30;

}  // namespace

int main(int argc, char** argv) {
  if (argc < kSwitches + 3) {
    std::fputs(
        "usage: playground SEED ARCHITECTURE ATTENTION NORM POSITIONS LAYERS HEADS WIDTH FEED_FORWARD "
        "SPECIAL_TOKENS HIDDEN_HEAD STEP...\n",
        stderr);
    return 2;
  }
  int s[kSwitches];
  for (int i = 0; i < kSwitches; ++i) s[i] = std::atoi(argv[i + 2]);
  PlaygroundModel* model = playground_create(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9],
                                             static_cast<unsigned>(std::atoi(argv[1])));
  const auto start = std::chrono::steady_clock::now();
  int done = 0;
  for (int i = kSwitches + 2; i < argc; ++i) {
    const int step = std::atoi(argv[i]);
    playground_train(model, step - done);
    done = step;
    std::printf("%d", step);
    const double* f = playground_curve(model, kPerfect);
    for (int n = 0; n < kMostRepeats; ++n)
      std::printf(" %08x", std::bit_cast<std::uint32_t>(static_cast<float>(f[n])));
    std::printf("\n");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::fprintf(stderr, "%.0f steps/s\n", done / took.count());
  playground_destroy(model);
  return 0;
}
