#include "slalom/explain/methods.hpp"
#include "slalom/explain/published.hpp"
#include "slalom/explain/slalom_evidence.hpp"

namespace slalom {

Method slalom_fidel() {
  return {"slalom-fidel",
          "SLALOM fitted to random deletions of the text",
          500,
          {"budget", "background", "most-deleted", "prior", "positions", "flip"},
          fit_slalom_to_deletions,
          Asks::deletions,
          published::slalom_fidel,
          published::kSamples};
}

}  // namespace slalom
