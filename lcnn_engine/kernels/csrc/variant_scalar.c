/* Runs on every machine: SSE2 on x86-64, NEON on aarch64, by the compiler's own choice. */
#define LCNN_NAME scalar
#define LCNN_WIDTH 4
#include "variant.inc.h"
