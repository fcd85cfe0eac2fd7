/* Constants that the plan (Python) and the kernels (C) share; Python has them as kernels.CONSTANTS["LINE"]. */
#ifndef LCNN_CONSTANTS_H
#define LCNN_CONSTANTS_H

#define LCNN_LINE 16         /* floats of a 64-byte cache line */
#define LCNN_SLACK 64        /* floats before and behind all buffers of an arena: room for LCNN_HALO and vectors */
#define LCNN_HALO 16         /* floats that vectors may read past a map, beyond their own width */
#define LCNN_LARGE_TILE 14   /* vectors of a lookup tile: above, there are kernels for even numbers only */
#define LCNN_MAX_THREADS 256 /* of a run */

#define LCNN_CONSTANTS(X)          \
    X(LINE, LCNN_LINE)             \
    X(SLACK, LCNN_SLACK)           \
    X(HALO, LCNN_HALO)             \
    X(LARGE_TILE, LCNN_LARGE_TILE) \
    X(MAX_THREADS, LCNN_MAX_THREADS)

#endif
