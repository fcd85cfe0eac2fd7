/* Compiled with -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma; chosen on processors that have all. */
#define LCNN_NAME avx512
#define LCNN_WIDTH 16
#include "variant.inc.h"
