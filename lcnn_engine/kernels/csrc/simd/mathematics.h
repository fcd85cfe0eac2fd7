/* Functions of all lanes: reciprocal, exponential, activations. */
#ifndef LCNN_MATHEMATICS_H
#define LCNN_MATHEMATICS_H

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

#define ACTIVATE(name, formula) \
    case LCNN_ACT_##name: return formula;
INLINE vf vactivate(vf x, lcnn_activation kind, float alpha)
{
    const vf zero = vset(0.0f);
    switch (kind) {
        LCNN_ACTIVATIONS(ACTIVATE)
    case LCNN_ACTIVATION_COUNT: break;
    }
    return x;
}

#endif
