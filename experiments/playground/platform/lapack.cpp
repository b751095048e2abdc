// No LAPACK, so no fit to more texts than determine a SLALOM.
#include "slalom/base/error.hpp"
#include "slalom/surrogate/slalom.hpp"

namespace slalom {

SlalomFit fit_slalom(const Sample&, const SlalomOptions&) {
  throw Error("[slalom] a least-squares fit needs LAPACK, which this platform has not");
}

}  // namespace slalom
