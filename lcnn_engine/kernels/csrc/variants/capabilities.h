/* What a variant's header says of its instruction set. It must define
 *
 *     LCNN_NAME         of the variant, a word
 *     LCNN_WIDTH        floats of a vector
 *     LCNN_REGISTERS    vectors that fit into registers: tiles of the kernels follow from it
 *
 * and may define, as 1, what is listed below: generic sources ask for these alone, never for a name or a width. With
 * them come the operations listed in variants/README.md. A header that includes another one adds to it. */
#ifndef LCNN_CAPABILITIES_H
#define LCNN_CAPABILITIES_H

#if !defined LCNN_NAME || !defined LCNN_WIDTH || !defined LCNN_REGISTERS
#error "include the header of a variant, which includes this one"
#endif

/* Loads and stores of some lanes by a mask register. */
#ifndef LCNN_HAS_MASKS
#define LCNN_HAS_MASKS 0
#endif

/* Products of bfloat16 pairs, summed up in float. */
#ifndef LCNN_HAS_BF16
#define LCNN_HAS_BF16 0
#endif

/* Products of int8 quads, summed up in int32. */
#ifndef LCNN_HAS_INT8
#define LCNN_HAS_INT8 0
#endif

/* vstore_nonzeros: chosen lanes stored side by side. */
#ifndef LCNN_HAS_COMPRESS
#define LCNN_HAS_COMPRESS 0
#endif

/* vreciprocal_estimate: 1 / x to 11 bits or more. */
#ifndef LCNN_HAS_RECIPROCAL
#define LCNN_HAS_RECIPROCAL 0
#endif

/* A load that straddles two cache lines is dear and vpermute cheap: lookup_tile takes lookups sorted by alignment. */
#ifndef LCNN_LOOKUPS_BY_ALIGNMENT
#define LCNN_LOOKUPS_BY_ALIGNMENT 0
#endif

#endif
