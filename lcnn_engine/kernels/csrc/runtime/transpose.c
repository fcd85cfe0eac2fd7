#include "runtime/transpose.h"

#include <string.h>

#include "runtime/bfloat16.h"
#include "runtime/fp16.h"

#define STRIP 64
#define LINE 64 /* bytes: a tile's rows are lines of the target, and as many numbers of each source row */

/* `count` numbers of a row as they are to lie in the target. */
static inline void convert(const char *source, int bytes, lcnn_conversion conversion, void *row, int64_t count)
{
    if (conversion == LCNN_AS_FP16) lcnn_to_fp16((const float *)source, row, count);
    else if (conversion == LCNN_AS_BF16) lcnn_to_bf16((const float *)source, row, count);
    else memcpy(row, source, (size_t)(count * bytes));
}

/* tile[c][at] = row[c] for `count` numbers, a line of the tile holding `side` of them. */
static inline void scatter(const char *row, int bytes, char *tile, int64_t side, int64_t at, int64_t count)
{
    if (bytes == 4)
        for (int64_t c = 0; c < count; c++) memcpy(tile + 4 * (c * side + at), row + 4 * c, 4);
    else if (bytes == 2)
        for (int64_t c = 0; c < count; c++) memcpy(tile + 2 * (c * side + at), row + 2 * c, 2);
    else
        for (int64_t c = 0; c < count; c++) tile[c * side + at] = row[c];
}

/* Units [unit, unit + here) of numbers [first, first + count) of each, no more than a line of the target holds. */
static inline void transpose_tile(const char *source, int64_t unit, int64_t here, int64_t length, int64_t first,
                                  int64_t count, int bytes, lcnn_conversion conversion, char *target, int64_t lanes)
{
    const int to = conversion == LCNN_KEPT ? bytes : 2;
    const int64_t below = LINE / to * length * bytes; /* to the same columns of the next units */
    _Alignas(LINE) char tile[LINE * LINE], row[LINE];
    for (int64_t u = 0; u < here; u++) {
        const char *own = source + ((unit + u) * length + first) * bytes;
        __builtin_prefetch(own + below); /* no processor foresees rows that lie so far apart */
        convert(own, bytes, conversion, row, count);
        scatter(row, to, tile, LINE / to, u, count);
    }
    for (int64_t c = 0; c < count; c++)
        memcpy(target + ((first + c) * lanes + unit) * to, tile + c * LINE, (size_t)(here * to));
}

/* Every line of source and target is touched once, for all that is in it: rows that lie a power of two apart share a
 * cache set, and would throw each other out. STRIP rows of the target are finished before the next. */
void lcnn_transpose(const void *source, int64_t units, int64_t length, int bytes, lcnn_conversion conversion,
                    void *target, int64_t lanes)
{
    const int64_t side = LINE / (conversion == LCNN_KEPT ? bytes : 2);
    for (int64_t strip = 0; strip < length; strip += STRIP) {
        const int64_t stop = length - strip < STRIP ? length : strip + STRIP;
        for (int64_t unit = 0; unit < units; unit += side)
            for (int64_t first = strip; first < stop; first += side)
                transpose_tile(source, unit, units - unit < side ? units - unit : side, length, first,
                               stop - first < side ? stop - first : side, bytes, conversion, target, lanes);
    }
}
