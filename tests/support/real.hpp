// Numbers of 200 bits (MPFR): real numbers, as far as anything computed in double can tell.
#pragma once

#include <mpfr.h>

namespace slalom::test {

class Real {
 public:
  Real(double x = 0) {  // NOLINT: doubles are exact
    mpfr_init2(value_, 200);
    mpfr_set_d(value_, x, MPFR_RNDN);
  }
  Real(const Real& other) : Real() { mpfr_set(value_, other.value_, MPFR_RNDN); }
  Real& operator=(const Real& other) {
    mpfr_set(value_, other.value_, MPFR_RNDN);
    return *this;
  }
  ~Real() { mpfr_clear(value_); }

  static Real pi() {
    Real x;
    mpfr_const_pi(x.value_, MPFR_RNDN);
    return x;
  }

  Real& operator+=(const Real& x) { return set(mpfr_add, x); }
  Real& operator-=(const Real& x) { return set(mpfr_sub, x); }
  Real& operator*=(const Real& x) { return set(mpfr_mul, x); }
  Real& operator/=(const Real& x) { return set(mpfr_div, x); }
  friend Real operator+(const Real& a, const Real& b) { return combined(mpfr_add, a, b); }
  friend Real operator-(const Real& a, const Real& b) { return combined(mpfr_sub, a, b); }
  friend Real operator*(const Real& a, const Real& b) { return combined(mpfr_mul, a, b); }
  friend Real operator/(const Real& a, const Real& b) { return combined(mpfr_div, a, b); }
  friend bool operator<(const Real& a, const Real& b) { return mpfr_less_p(a.value_, b.value_) != 0; }
  friend bool operator>(const Real& a, const Real& b) { return b < a; }

  friend Real exp(const Real& x) { return x.mapped(mpfr_exp); }
  friend Real log(const Real& x) { return x.mapped(mpfr_log); }
  friend Real cos(const Real& x) { return x.mapped(mpfr_cos); }
  friend Real sin(const Real& x) { return x.mapped(mpfr_sin); }
  friend Real sqrt(const Real& x) { return x.mapped(mpfr_sqrt); }
  friend Real erf(const Real& x) { return x.mapped(mpfr_erf); }
  friend Real tanh(const Real& x) { return x.mapped(mpfr_tanh); }

  explicit operator double() const { return mpfr_get_d(value_, MPFR_RNDN); }

 private:
  template <class F>
  Real& set(F f, const Real& x) {
    f(value_, value_, x.value_, MPFR_RNDN);
    return *this;
  }
  template <class F>
  static Real combined(F f, const Real& a, const Real& b) {
    Real y;
    f(y.value_, a.value_, b.value_, MPFR_RNDN);
    return y;
  }
  template <class F>
  Real mapped(F f) const {
    Real y;
    f(y.value_, value_, MPFR_RNDN);
    return y;
  }

  mpfr_t value_;
};

}  // namespace slalom::test
