#include "slalom/explain/methods.hpp"
#include "slalom/explain/slalom_evidence.hpp"

namespace slalom {

Method slalom_fidel() {
  return {"slalom-fidel",
          "SLALOM fitted to random deletions of the text",
          500,
          {"budget", "background", "most-deleted", "prior", "positions", "as-published"},
          fit_slalom_to_deletions,
          Asks::deletions};
}

}  // namespace slalom
