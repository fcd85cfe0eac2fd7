/* Functions of all lanes: reciprocal, exponential, logarithm, activations. */
#ifndef LCNN_MATHEMATICS_H
#define LCNN_MATHEMATICS_H

#include <math.h>

#include "activations.h"
#include "simd/vectors.h"

/* 1 / x. Where the processor estimates (to 11 bits or more), one Newton step gives 22 and takes a quarter of the time
 * of a division. */
INLINE vf vreciprocal(vf x)
{
#if LCNN_HAS_RECIPROCAL
    const vf estimate = vreciprocal_estimate(x);
    return estimate * (vset(2.0f) - x * estimate);
#else
    return vset(1.0f) / x;
#endif
}

/* e^r - 1 for |r| <= ln 2 / 2: r and r^2 times a polynomial, fitted to the least maximal error, 3e-9 of e^r. */
INLINE vf exp_part(vf r)
{
    vf p = vset(1.3814599933e-3f);
    p = p * r + vset(8.3687170842e-3f);
    p = p * r + vset(4.1668388003e-2f);
    p = p * r + vset(1.6666520630e-1f);
    p = p * r + vset(4.9999993448e-1f);
    return p * (r * r) + r;
}

#define LOG2_E 1.44269504f
#define SHIFTER 12582912.0f /* 1.5 * 2^23: adding it rounds to the nearest integer, and leaves that in the low bits */

INLINE vf times_power_of_two(vf x, vf shifted) { return (vf)((vi)x + ((vi)shifted << 23)); }

/* e^x to about 2 units in the last place. x is held within (-87.3, 88.0), where the result is a normal number;
 * NaN stays NaN. */
INLINE vf vexp(vf x)
{
    x = vmax(vset(-87.3f), vmin(vset(88.0f), x));
    const vf shifted = x * vset(LOG2_E) + vset(SHIFTER), n = shifted - vset(SHIFTER);
    const vf r = x - n * vset(0.693145752f) - n * vset(1.42860677e-6f); /* ln 2 in two parts */
    return times_power_of_two(exp_part(r) + vset(1.0f), shifted);
}

INLINE vf vsigmoid(vf x) { return vreciprocal(vset(1.0f) + vexp(-x)); }

/* tanh |x| = e / (e + 2) with e = e^2|x| - 1 = 2^n (e^r - 1) + (2^n - 1), which keeps its digits near 0, where n is 0;
 * then the sign. Beyond 9.1 the result is 1 in float32. n is at most 26: ln 2 needs no second part. */
INLINE vf vtanh(vf x)
{
    const vi sign = (vi)x & (vi)vset(-0.0f);
    const vf held = vmin(vset(9.1f), (vf)((vi)x ^ sign));
    const vf shifted = held * vset(2 * LOG2_E) + vset(SHIFTER), n = shifted - vset(SHIFTER);
    const vf part = exp_part(held + held - n * vset(0.693147182f));
    const vf power = times_power_of_two(vset(1.0f), shifted);
    const vf e = part * power + (power - vset(1.0f));
    return (vf)((vi)(e * vreciprocal(e + vset(2.0f))) | sign);
}

/* e^x in all of float32's range, where vexp stops: beyond it inf, below it 0. To about 4 units in the last place. */
INLINE vf vexponential(vf x)
{
    const vf half = vexp(x * vset(0.5f));
    return half * half;
}

/* e^x - 1 where x < 0, else 0; it keeps its digits near 0. */
INLINE vf velu(vf x)
{
    const vf held = vmax(vset(-87.3f), vmin(vset(0.0f), x));
    const vf shifted = held * vset(LOG2_E) + vset(SHIFTER), n = shifted - vset(SHIFTER);
    const vf part = exp_part(held - n * vset(0.693145752f) - n * vset(1.42860677e-6f));
    const vf power = times_power_of_two(vset(1.0f), shifted);
    return part * power + (power - vset(1.0f));
}

/* ln x of normal numbers above 0: x = 2^n (1 + f), f from sqrt(1/2) - 1 to sqrt(2) - 1, and
 * ln (1 + f) = f - f^2 / 2 + f^3 p(f), to 2 units in the last place. */
INLINE vf log_of_normal(vf x)
{
    const vi exponent = ((vi)x - 0x3f3504f3) >> 23;
    const vf n = __builtin_convertvector(exponent, vf), f = (vf)((vi)x - (exponent << 23)) - vset(1.0f), f2 = f * f;
    vf p = vset(7.0376836292e-2f);
    p = p * f + vset(-1.1514610310e-1f);
    p = p * f + vset(1.1676998740e-1f);
    p = p * f + vset(-1.2420140846e-1f);
    p = p * f + vset(1.4249322787e-1f);
    p = p * f + vset(-1.6668057665e-1f);
    p = p * f + vset(2.0000714765e-1f);
    p = p * f + vset(-2.4999993993e-1f);
    p = p * f + vset(3.3333331174e-1f);
    const vf small = p * f * f2 + n * vset(-2.12194440e-4f) - vset(0.5f) * f2; /* ln 2 in two parts */
    return f + small + n * vset(0.693359375f);
}

/* ln x: -inf of 0, NaN below it. */
INLINE vf vlog(vf x)
{
    const vi tiny = x < vset(0x1p-126f);
    const vf normal = log_of_normal(vselect(tiny, x * vset(0x1p24f), x)) - vselect(tiny, vset(16.6355324f), vset(0.0f));
    const vf beyond = vselect(x == vset(0.0f), vset(-INFINITY), vset(NAN));
    return vselect(x > vset(0.0f), vselect(x == vset(INFINITY), x, normal), beyond);
}

/* ln (1 + x) for 0 <= x <= 1, with the digits that 1 + x loses. */
INLINE vf vlog1p(vf x)
{
    const vf u = x + vset(1.0f);
    return log_of_normal(u) + (x - (u - vset(1.0f))) * vreciprocal(u);
}

/* e^-(x^2 / 2), with the digits that x^2 loses as a float: x is a part of 12 bits, whose square is exact, and the rest.
 */
INLINE vf vgauss(vf x)
{
    const vf square = x * x, high = (vf)((vi)x & (int32_t)0xfffff000), low = x - high;
    const vf lost = high * high - square + vset(2.0f) * high * low + low * low;
    return vexp(vset(-0.5f) * square) * (vset(1.0f) - vset(0.5f) * lost);
}

/* The share of the normal distribution below x, with its digits in the tail: for z = |x| / sqrt 2 it is
 * erfc(z) / 2 = e^-(z^2) t q(t), t = 1 / (1 + z / 2), or 1 less that. q is fitted to 6e-8. */
INLINE vf vnormal(vf x)
{
    const vf held = vmin(vset(18.0f), vabs(x)), t = vset(1.0f) / (vset(1.0f) + vset(0.353553391f) * held);
    vf q = vset(-2.946060419e-2f);
    q = q * t + vset(1.420545125e-1f);
    q = q * t + vset(-2.433889164e-1f);
    q = q * t + vset(1.391065069e-1f);
    q = q * t + vset(-1.357769389e-2f);
    q = q * t + vset(1.015427982e-1f);
    q = q * t + vset(1.214811803e-1f);
    q = q * t + vset(1.411997914e-1f);
    q = q * t + vset(1.410424073e-1f);
    const vf tail = q * t * vgauss(held);
    return vselect(x > vset(0.0f), vset(1.0f) - tail, tail);
}

/* x tanh(ln(1 + e^x)) = x m / (m + 2) with m = e^x (e^x + 2). */
INLINE vf vmish(vf x)
{
    const vf e = vexp(vmin(vset(20.0f), x)), m = e * (e + vset(2.0f));
    return x * (m * vreciprocal(m + vset(2.0f)));
}

#define ACTIVATE(name, formula) \
    case LCNN_ACT_##name: return formula;
/* Any activation, where the kernel does little else; `vactivate` elsewhere. */
INLINE vf vactivate_inline(vf x, lcnn_activation kind, float alpha)
{
    const vf zero = vset(0.0f);
    switch (kind) {
        LCNN_ACTIVATIONS(ACTIVATE)
    case LCNN_ACTIVATION_COUNT: break;
    }
    return x;
}

/* The same in one place for all who call it: inlined, it would be most of every kernel's code. */
static __attribute__((noinline)) vf vactivate_called(vf x, lcnn_activation kind, float alpha)
{
    return vactivate_inline(x, kind, alpha);
}

INLINE vf vactivate(vf x, lcnn_activation kind, float alpha)
{
    if (kind == LCNN_ACT_linear) return x;
    if (kind == LCNN_ACT_relu) return vmax(vset(0.0f), x);
    return vactivate_called(x, kind, alpha);
}

/* Several at once: relu and relu6 are no calls. */
INLINE void vactivate_all(const int vectors, vf *x, lcnn_activation kind, float alpha)
{
    if (kind > LCNN_ACT_relu6) {
#pragma GCC unroll 16
        for (int i = 0; i < vectors; i++) x[i] = vactivate_called(x[i], kind, alpha);
    } else if (kind != LCNN_ACT_linear) {
        const vf highest = vset(kind == LCNN_ACT_relu ? INFINITY : 6.0f);
#pragma GCC unroll 16
        for (int i = 0; i < vectors; i++) x[i] = vmin(highest, vmax(vset(0.0f), x[i]));
    }
}

#endif
