/* Every activation: its name in the model file, and its formula for a vector x, the vector `zero` and the number alpha.
 * Of vmax and vmin x is the second operand, so NaN stays NaN. The enumerators and kernels.ACTIVATION_CODES follow from
 * this list; model/activations.py defines what they mean. */
#ifndef LCNN_ACTIVATIONS_H
#define LCNN_ACTIVATIONS_H

/* clang-format off */
#define LCNN_ACTIVATIONS(X)                                                                  \
    X(linear, x)                                                                             \
    X(relu, vmax(zero, x))                                                                   \
    X(relu6, vmin(vset(6.0f), vmax(zero, x)))                                                \
    X(leaky_relu, vmax(zero, x) + vmin(zero, x) * vset(alpha))                               \
    X(sigmoid, vsigmoid(x))                                                                  \
    X(tanh, vtanh(x))                                                                        \
    X(silu, x * vsigmoid(x))                                                                 \
    X(hard_sigmoid, vmin(vset(6.0f), vmax(zero, x + vset(3.0f))) * vset(1.0f / 6.0f))        \
    X(hard_silu, x * (vmin(vset(6.0f), vmax(zero, x + vset(3.0f))) * vset(1.0f / 6.0f)))     \
    X(elu, vmax(zero, x) + velu(x) * vset(alpha))                                            \
    X(selu, vset(1.05070099f) * vmax(zero, x) + vset(1.75809934f) * velu(x))                 \
    X(softplus, vmax(zero, x) + vlog1p(vexp(-vabs(x))))                                      \
    X(softsign, x / (vset(1.0f) + vabs(x)))                                                  \
    X(gelu, x *vnormal(x))                                                                   \
    X(gelu_tanh, x *vsigmoid(x * (vset(1.59576912f) + vset(0.0713548163f) * (x * x))))       \
    X(mish, vmish(x))                                                                        \
    X(exponential, vexponential(x))                                                          \
    X(abs, vabs(x))                                                                          \
    X(sqrt, vsqrt(x))                                                                        \
    X(log, vlog(x))                                                                          \
    X(hard_tanh, vmin(vset(1.0f), vmax(vset(-1.0f), x)))
/* clang-format on */

#define LCNN_ACTIVATION(name, formula) LCNN_ACT_##name,
typedef enum { LCNN_ACTIVATIONS(LCNN_ACTIVATION) LCNN_ACTIVATION_COUNT } lcnn_activation;

#endif
