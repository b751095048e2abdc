// The playground's models behind a C interface, which the page calls in WebAssembly and main.cpp natively.
// Texts are numbers of words, 0 to 9 in the order of default_bag_words(). Results stay valid until the next
// call for the same model.
#pragma once

extern "C" {

struct PlaygroundModel;

/// A model with random weights of `seed`, and its training texts of the same seed. Architecture, attention,
/// norm and positions are numbers of the library's enums, the last three yes or no: a feed-forward network,
/// [CLS] and [SEP] around a text, a hidden layer before the output.
PlaygroundModel* playground_create(int architecture, int attention, int norm, int positions, int layers,
                                   int heads, int width, int feed_forward, int special_tokens,
                                   int hidden_head, unsigned seed);
void playground_destroy(PlaygroundModel* model);

int playground_parameters(const PlaygroundModel* model);
/// Steps of RMSprop on 20 fresh texts each; there are 1,250 in all.
void playground_train(PlaygroundModel* model, int steps);
/// Mean over held-out texts of the loss that their true log-odds lead one to expect, nats; and the loss of
/// the truth itself, below which none can be.
double playground_loss(PlaygroundModel* model);
double playground_best_loss(const PlaygroundModel* model);

/// Where the words of a text go (30 at most), for the functions below, whose `words` is their number.
int* playground_text(PlaygroundModel* model);
/// F of the text: log-odds in nats.
double playground_log_odds(PlaygroundModel* model, int words);
/// F of n times `word`, n = 1 … 30.
const double* playground_curve(PlaygroundModel* model, int word);
/// Attention pattern of a layer, (heads, S, S): S words and special tokens.
const double* playground_pattern(PlaygroundModel* model, int words, int layer);
/// The SLALOM that slalom-exact finds for a text of distinct words: their values, their importances, then
/// value and importance of the background (NaN of a model without special tokens).
const double* playground_slalom(PlaygroundModel* model, int words);
}
