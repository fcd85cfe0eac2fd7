/* Constants that the plan (Python) and the kernels (C) share; Python has them as kernels.CONSTANTS["LINE"]. */
#ifndef LCNN_CONSTANTS_H
#define LCNN_CONSTANTS_H

#define LCNN_LINE 16         /* floats of a 64-byte cache line */
#define LCNN_SLACK 64        /* floats around an arena and behind scratch: room for LCNN_HALO and vectors */
#define LCNN_HALO 16         /* floats that vectors may read past a map, beyond their own width */
#define LCNN_LARGE_TILE 14   /* vectors of a lookup tile: above, there are kernels for even numbers only */
#define LCNN_SHARED_LANES 16 /* filters of a group that shares its lookups */
#define LCNN_PANEL 48        /* columns that dictionary_bf16 rounds at once, at most */
#define LCNN_PANEL_LANES 8   /* atoms side by side in its D */
#define LCNN_ATOMS 8         /* of a block of dictionary_direct and of dictionary_int8 */
#define LCNN_MAX_INPUTS 2    /* maps that a call reads */
#define LCNN_MAX_THREADS 256 /* of a run */

/* Floats between buffers: a vector that reads past a map is no race, but looks like one where another thread writes. */
#ifdef __SANITIZE_THREAD__
#define LCNN_APART LCNN_SLACK
#else
#define LCNN_APART 0
#endif

#define LCNN_CONSTANTS(X)              \
    X(LINE, LCNN_LINE)                 \
    X(SLACK, LCNN_SLACK)               \
    X(HALO, LCNN_HALO)                 \
    X(APART, LCNN_APART)               \
    X(LARGE_TILE, LCNN_LARGE_TILE)     \
    X(SHARED_LANES, LCNN_SHARED_LANES) \
    X(PANEL, LCNN_PANEL)               \
    X(PANEL_LANES, LCNN_PANEL_LANES)   \
    X(ATOMS, LCNN_ATOMS)               \
    X(MAX_INPUTS, LCNN_MAX_INPUTS)     \
    X(MAX_THREADS, LCNN_MAX_THREADS)

#endif
