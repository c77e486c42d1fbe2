// Polynomials and range reductions; see the header. Sources: exp and log are
// Cephes's expf and logf (S. Moshier, netlib.org/cephes), with rounding by a
// magic number instead of floor; erf is N. Juffa's faithful erff (published on
// StackOverflow, question 35148198); the rest follows from these.
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"

#include "dialects/NN/Activation.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>
#include <limits>

using namespace mlir;
using Predicate = mlir::arith::CmpFPredicate;

namespace tl::cpu {

namespace {
Type integerLike(KernelBuilder &b, Value x) {
  if (auto type = dyn_cast<VectorType>(x.getType()))
    return VectorType::get(type.getShape(), b.getI32Type());
  return b.getI32Type();
}

Value bits(KernelBuilder &b, Value x) {
  return arith::BitcastOp::create(b, integerLike(b, x), x);
}

Value fromBits(KernelBuilder &b, Value i, Value like) {
  return arith::BitcastOp::create(b, like.getType(), i);
}

Value integer(KernelBuilder &b, int32_t value, Value like) {
  if (auto type = dyn_cast<VectorType>(like.getType()))
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, b.getI32IntegerAttr(value).getValue()));
  return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
}

/// c0 x^(n-1) + ... + c(n-1).
Value polynomial(KernelBuilder &b, Value x, ArrayRef<double> coefficients) {
  Value sum = b.number(coefficients.front(), x);
  for (double c : coefficients.drop_front())
    sum = b.fma(sum, x, b.number(c, x));
  return sum;
}

/// 2^n for whole n in [-126, 127], given as an i32.
Value powerOfTwo(KernelBuilder &b, Value n, Value like) {
  Value biased = arith::AddIOp::create(b, n, integer(b, 127, n));
  return fromBits(b, arith::ShLIOp::create(b, biased, integer(b, 23, n)), like);
}

/// x = n ln2 + r, |r| <= ln2 / 2: n (i32), e^r - 1. x in [-104, 89].
struct Reduced {
  Value n, expm1;
};
Reduced reduceExp(KernelBuilder &b, Value x) {
  // 1.5 * 2^23: adding it rounds to a whole number, in the low bits.
  Value magic = b.number(12582912.0, x);
  Value shifted = b.addF(b.mulF(x, b.number(1.44269504088896341, x)), magic);
  Value whole = b.subF(shifted, magic);
  Value r = b.fma(whole, b.number(-0.693359375, x), x);
  r = b.fma(whole, b.number(2.12194440e-4, x), r);
  Value p = polynomial(b, r,
                       {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                        4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1});
  Value n = arith::SubIOp::create(b, bits(b, shifted), bits(b, magic));
  return {n, b.fma(b.mulF(r, r), p, r)};
}

Value copySign(KernelBuilder &b, Value magnitude, Value sign) {
  Value m = bits(b, magnitude), s = bits(b, sign);
  Value top = integer(b, std::numeric_limits<int32_t>::min(), s);
  Value rest = integer(b, std::numeric_limits<int32_t>::max(), s);
  return fromBits(b,
                  arith::OrIOp::create(b, arith::AndIOp::create(b, m, rest),
                                       arith::AndIOp::create(b, s, top)),
                  magnitude);
}
} // namespace

Value abs(KernelBuilder &b, Value x) {
  Value i = bits(b, x);
  Value rest = integer(b, std::numeric_limits<int32_t>::max(), i);
  return fromBits(b, arith::AndIOp::create(b, i, rest), x);
}

Value sqrt(KernelBuilder &b, Value x) { return math::SqrtOp::create(b, x); }

// 2^n in two factors, so that n from -150 to 129 gives denormals and infinity.
Value exp(KernelBuilder &b, Value x) {
  Value clamped = b.minF(b.number(89, x), b.maxF(b.number(-104, x), x));
  Reduced reduced = reduceExp(b, clamped);
  Value half = arith::ShRSIOp::create(b, reduced.n, integer(b, 1, reduced.n));
  Value rest = arith::SubIOp::create(b, reduced.n, half);
  Value value = b.addF(reduced.expm1, b.number(1, x));
  return b.mulF(b.mulF(value, powerOfTwo(b, half, x)), powerOfTwo(b, rest, x));
}

// 2^n e^r - 1 = 2^n (e^r - 1) + (2^n - 1); below -17.4 the result is -1.
Value expm1Negative(KernelBuilder &b, Value x) {
  Reduced reduced = reduceExp(b, b.maxF(b.number(-20, x), x));
  Value power = powerOfTwo(b, reduced.n, x);
  return b.fma(power, reduced.expm1, b.subF(power, b.number(1, x)));
}

// x = m 2^e with m in [sqrt(1/2), sqrt(2)).
Value log(KernelBuilder &b, Value x) {
  Value tiny = b.compareF(Predicate::OLT, x,
                          b.number(std::numeric_limits<float>::min(), x));
  Value scaled = b.select(tiny, b.mulF(x, b.number(0x1p25, x)), x);
  Value i = bits(b, scaled);
  Value base = integer(b, 0x3f3504f3, i); // the bits of sqrt(1/2)
  Value e = arith::ShRSIOp::create(b, arith::SubIOp::create(b, i, base),
                                   integer(b, 23, i));
  Value mantissa = arith::SubIOp::create(
      b, i, arith::ShLIOp::create(b, e, integer(b, 23, i)));
  Value f = b.subF(fromBits(b, mantissa, x), b.number(1, x));
  Value exponent = arith::SIToFPOp::create(b, x.getType(), e);
  exponent = b.subF(exponent, b.select(tiny, b.number(25, x), b.number(0, x)));
  Value p = polynomial(b, f,
                       {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1,
                        -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
                        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1});
  Value z = b.mulF(f, f);
  Value y = b.mulF(b.mulF(f, z), p);
  y = b.fma(exponent, b.number(-2.12194440e-4, x), y);
  y = b.fma(z, b.number(-0.5, x), y);
  y = b.fma(exponent, b.number(0.693359375, x), b.addF(f, y));
  double infinity = std::numeric_limits<double>::infinity();
  Value top = b.number(infinity, x);
  Value isZero = b.compareF(Predicate::OEQ, x, b.number(0, x));
  y = b.select(isZero, b.number(-infinity, x), y);
  // inf stays inf; NaN and negative numbers become NaN.
  y = b.select(b.compareF(Predicate::OEQ, x, top), top, y);
  Value valid = b.compareF(Predicate::OGE, x, b.number(0, x));
  return b.select(valid, y, b.subF(top, top));
}

// u = 1 + x rounded; log(u) + (x - (u - 1)) / u puts back what rounding lost.
Value log1p(KernelBuilder &b, Value x) {
  Value u = b.addF(x, b.number(1, x));
  Value lost = b.subF(x, b.subF(u, b.number(1, x)));
  return b.addF(log(b, u), b.divF(lost, u));
}

// With t = e^(-2|x|) - 1: tanh |x| = -t / (t + 2).
Value tanh(KernelBuilder &b, Value x) {
  Value t = expm1Negative(b, b.mulF(abs(b, x), b.number(-2, x)));
  Value y = b.divF(t, b.addF(t, b.number(2, x)));
  return copySign(b, y, x);
}

// With e = e^-|x|: 1 / (1 + e), or e / (1 + e) below zero.
Value sigmoid(KernelBuilder &b, Value x) {
  Value e = exp(b, b.negF(abs(b, x)));
  Value one = b.number(1, x);
  Value below = b.compareF(Predicate::OLT, x, b.number(0, x));
  return b.divF(b.select(below, e, one), b.addF(one, e));
}

Value erf(KernelBuilder &b, Value x) {
  Value t = abs(b, x), s = b.mulF(x, x);
  // above 475/512: 1 - e^(polynomial)
  Value r = b.fma(b.number(-1.72853470e-5, x), t, b.number(3.83197126e-4, x));
  Value u = b.fma(b.number(-3.88396438e-3, x), t, b.number(2.42546219e-2, x));
  r = b.fma(r, s, u);
  for (double c : {-1.06777877e-1, -6.34846687e-1, -1.28717512e-1})
    r = b.fma(r, t, b.number(c, x));
  r = b.fma(r, t, b.negF(t));
  Value large = copySign(b, expm1Negative(b, r), x);
  Value small = polynomial(b, s,
                           {-5.96761703e-4, 4.99119423e-3, -2.67681349e-2,
                            1.12819925e-1, -3.76125336e-1, 1.28379166e-1});
  small = b.fma(small, x, x);
  Value isLarge = b.compareF(Predicate::OGT, t, b.number(0.927734375, x));
  return b.select(isLarge, large, small);
}

// x Phi(x) = max(x, 0) - u Phi(-u) with u = |x|: nothing cancels, and one
// polynomial, log2 Phi(-u) for u up to 12.8, does where erf needs two and an
// exponential; both are fitted by test/numerics/fit_gelu.py. Beyond, u stays
// 12.8, and what is subtracted is 1e-36.
static Value gelu(KernelBuilder &b, Value x) {
  Value u = b.minF(b.number(12.8, x), abs(b, x));
  Value power = polynomial(
      b, u,
      {-2.8602977625302728e-11, 1.9983787957755794e-09, -6.033447874642661e-08,
       1.029451141221216e-06, -1.0851069419004489e-05, 7.131521124392748e-05,
       -2.5627456489019096e-04, -5.053688437328674e-05, 7.005456369370222e-03,
       -5.247712507843971e-02, -4.5921045541763306e-01, -1.1511051654815674,
       -1.0});
  // 2^power: the whole part, rounded into the low bits, goes to the exponent.
  Value magic = b.number(12582912.0, x);
  Value shifted = b.addF(power, magic);
  Value part = polynomial(b, b.subF(power, b.subF(shifted, magic)),
                          {1.3407259248197079e-3, 9.671875275671482e-3,
                           5.5503085255622864e-2, 2.4022234976291656e-1,
                           6.931472420692444e-1, 1.0});
  Value i = bits(b, shifted);
  Value exponent = arith::ShLIOp::create(b, i, integer(b, 23, i));
  Value below =
      fromBits(b, arith::AddIOp::create(b, bits(b, part), exponent), x);
  return b.fma(b.negF(u), below, b.maxF(b.number(0, x), x));
}

/// relu6(x + 3) / 6.
static Value hardSigmoid(KernelBuilder &b, Value x) {
  Value y = b.fma(x, b.number(1.0 / 6, x), b.number(0.5, x));
  return b.minF(b.number(1, x), b.maxF(b.number(0, x), y));
}

Value largerOrNaN(KernelBuilder &b, Value most, Value next) {
  Value isNaN = b.compareF(mlir::arith::CmpFPredicate::UNO, most, most);
  return b.select(isNaN, most, b.maxF(most, next));
}

Value activate(KernelBuilder &b, nn::ActivationAttr activation, Value x) {
  if (!activation)
    return x;
  Value zero = b.number(0, x);
  double alpha =
      activation.getAlpha() ? activation.getAlpha().getValueAsDouble() : 0;
  switch (activation.getKind()) {
  case nn::ActivationKind::None:
    return x;
  case nn::ActivationKind::Relu: // NaN stays NaN: it is the second operand
    return b.maxF(zero, x);
  case nn::ActivationKind::Relu6:
    return b.minF(b.number(6, x), b.maxF(zero, x));
  case nn::ActivationKind::LeakyRelu:
    return b.select(b.compareF(Predicate::OGE, x, zero), x,
                    b.mulF(x, b.number(alpha, x)));
  case nn::ActivationKind::Sigmoid:
    return sigmoid(b, x);
  case nn::ActivationKind::Tanh:
    return tanh(b, x);
  case nn::ActivationKind::Silu:
    return b.mulF(x, sigmoid(b, x));
  case nn::ActivationKind::Gelu:
    return gelu(b, x);
  case nn::ActivationKind::HardSigmoid:
    return hardSigmoid(b, x);
  case nn::ActivationKind::HardSwish:
    return b.mulF(x, hardSigmoid(b, x));
  case nn::ActivationKind::Elu: {
    Value below = expm1Negative(b, b.minF(zero, x));
    return b.select(b.compareF(Predicate::OGE, x, zero), x,
                    b.mulF(below, b.number(alpha, x)));
  }
  case nn::ActivationKind::GeluTanh: { // (1 + tanh(u)) / 2 = sigmoid(2 u)
    double k = 2 * std::sqrt(2 / M_PI);
    Value cubic =
        b.fma(b.mulF(x, x), b.number(0.044715 * k, x), b.number(k, x));
    return b.mulF(x, sigmoid(b, b.mulF(x, cubic)));
  }
  }
  llvm_unreachable("every activation kind is listed");
}

} // namespace tl::cpu
