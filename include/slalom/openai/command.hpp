// slalom-openai: a language model behind an address of chat completions as a program that answers questions.
#pragma once

namespace slalom {

/// Reads {"input_ids": […]} or {"text": "…"} lines on stdin and answers each with {"log_odds": x} on stdout,
/// in order; "bound" beside it says that the model's log-odds are at most ("upper") or at least ("lower") x,
/// or unknown ("both", x is 0). Ends with its input. For run_program(); returns an exit status.
int run_openai(int argc, char** argv);

}  // namespace slalom
