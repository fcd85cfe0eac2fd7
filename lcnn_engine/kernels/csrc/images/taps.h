/* Of which pixels of an edge those of the resized edge are made, and with what weights. */
#ifndef LCNN_TAPS_H
#define LCNN_TAPS_H

#include "images/prepare.h"

#define LCNN_TAP_BITS 22 /* of fixed-point weights, as Pillow has them: 32 less 8 of a pixel and 2 of overshooting */

typedef union {
    int32_t fixed; /* of Pillow's filters */
    float real;    /* of TensorFlow's */
} lcnn_weight;

typedef struct {
    int64_t most;         /* taps of a pixel, at most */
    int64_t *spans;       /* (count, 2): the first pixel, and how many */
    lcnn_weight *weights; /* (count, most) */
    double *sums;         /* (most): weights in the making */
} lcnn_taps;

LCNN_PART int lcnn_is_rounded(lcnn_resample resample);

/* Taps of a pixel where an edge of `length` becomes one of `resized`, at most. */
LCNN_PART int64_t lcnn_max_taps(lcnn_resample resample, int antialias, int64_t length, int64_t resized);

/* Fill in `taps` of `count` pixels of the resized edge from number `first` on. The first pixels never go back. */
LCNN_PART void lcnn_find_taps(lcnn_resample resample, int antialias, int64_t length, int64_t resized, int64_t first,
                              int64_t count, lcnn_taps *taps);

#endif
