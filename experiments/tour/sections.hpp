// The sections of the tour, in the order in which they are printed.
#pragma once

#include "page.hpp"
#include "step.hpp"

namespace slalom::tour {

/// From words to the loss. The forward pass is recorded on step.tape.
void show_forward(Step& step, Page& page);

/// From the loss back to the gradients of all parameters, and one step of RMSprop.
void show_learning(Step& step, Page& page);

/// The claim of the paper on the model as it was drawn: repeating a word does not add its weight again.
void show_claim(std::uint64_t seed, Page& page);

}  // namespace slalom::tour
