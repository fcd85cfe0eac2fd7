/* Compiled with -mavx2 -mfma; chosen on processors that have both. */
#define LCNN_NAME avx2
#define LCNN_WIDTH 8
#include "variant.inc.h"
