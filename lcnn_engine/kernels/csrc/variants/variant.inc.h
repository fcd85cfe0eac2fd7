/* All kernels of one instruction set, in one table: included once by the .c file of each variant, behind its header. */

#include "ops/channels.inc.h"
#include "ops/conv.inc.h"
#include "ops/conv_depthwise.inc.h"
#include "ops/conv_patches.inc.h"
#include "ops/conv_winograd.inc.h"
#include "ops/dense.inc.h"
#include "ops/dense_int8.inc.h"
#include "ops/dictionary_bf16.inc.h"
#include "ops/dictionary_direct.inc.h"
#include "ops/dictionary_int8.inc.h"
#include "ops/gather.inc.h"
#include "ops/global_pool.inc.h"
#include "ops/interpolate.inc.h"
#include "ops/layout.inc.h"
#include "ops/lookup_gather.inc.h"
#include "ops/lookup_shared.inc.h"
#include "ops/lookup_tile.inc.h"
#include "ops/lrn.inc.h"
#include "ops/norm.inc.h"
#include "ops/pack_pairs.inc.h"
#include "ops/pointwise.inc.h"
#include "ops/pool.inc.h"
#include "ops/quantize.inc.h"
#include "ops/softmax.inc.h"
#include "variants/variant.h"
#ifdef LCNN_WITHOUT_BLAS
/* Plans for programs without a BLAS have kernels of their own for S = D X: nothing calls this one. */
#define dictionary NULL
#else
#include "ops/dictionary.inc.h"
#endif

#define LCNN_JOIN(a, b) a##b
#define LCNN_TABLE(name) LCNN_JOIN(lcnn_, name)
#define LCNN_QUOTE(name) #name
#define LCNN_STRING(name) LCNN_QUOTE(name)

#define LCNN_CAPABILITY_VALUE(name, value) .name = value,
#define LCNN_TABLE_ENTRY(kernel, fields) [LCNN_KERNEL_##kernel] = kernel,

const lcnn_variant LCNN_TABLE(LCNN_NAME) = {
    .name = LCNN_STRING(LCNN_NAME),
    .capabilities = {LCNN_CAPABILITIES(LCNN_CAPABILITY_VALUE)},
    .kernels = {LCNN_KERNELS(LCNN_TABLE_ENTRY)},
};
