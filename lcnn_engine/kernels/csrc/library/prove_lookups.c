/* S = D X, and lookups in S. */
#include <stddef.h>

#include "library/proof.h"

/* Planes of X, `x_planes` of them, are read, and planes of S written, `columns` of each, by units of `block`. */
static int prove_planes(lcnn_proof *p, lcnn_wide x_planes, lcnn_wide s_planes, const lcnn_dictionary *u)
{
    LCNN_NEED(u->k >= 1 && u->m >= 1 && u->columns >= 1 && u->block >= 1, "atoms, channels and columns of at least 1");
    LCNN_NEED(u->x_plane >= 1 && u->s_plane >= 1, "planes of at least 1");
    LCNN_NEED(s_planes == 1 || u->s_plane >= u->columns, "planes of S side by side");
    LCNN_NEED(p->call->units == lcnn_parts(u->columns, u->block), "units for all columns");
    LCNN_NEED(lcnn_in_arena(p, u->x, (x_planes - 1) * u->x_plane + u->columns), "X in the arena");
    LCNN_NEED(lcnn_in_arena(p, u->s, (s_planes - 1) * u->s_plane + u->columns), "S in the arena");
    return 1;
}

int lcnn_prove_dictionary_direct(lcnn_proof *p)
{
    const lcnn_dictionary *u = &p->call->u.dictionary;
    if (!prove_planes(p, u->m, u->k, u)) return 0;
    LCNN_NEED(lcnn_has_words(p, u->dictionary, lcnn_parts(u->k, LCNN_ATOMS) * LCNN_ATOMS * u->m), "a whole dictionary");
    return 1;
}

int lcnn_prove_dictionary_bf16(lcnn_proof *p)
{
    const lcnn_dictionary_bf16 *u = &p->call->u.dictionary_bf16;
    const lcnn_dictionary planes = {NULL, u->k, u->m, u->columns, u->block, u->x, u->x_plane, u->s, u->s_plane};
    if (!prove_planes(p, u->m, u->pairs ? lcnn_parts(u->k, 2) : u->k, &planes)) return 0;
    const lcnn_wide pairs = lcnn_parts(u->m, 2), blocks = lcnn_parts(u->k, LCNN_PANEL_LANES);
    LCNN_NEED(lcnn_has_words(p, u->dictionary, blocks * pairs * LCNN_PANEL_LANES), "a whole dictionary");
    LCNN_NEED(LCNN_PANEL * pairs <= p->scratch, "scratch for a panel");
    return 1;
}

int lcnn_prove_dictionary_int8(lcnn_proof *p)
{
    const lcnn_dictionary_int8 *u = &p->call->u.dictionary_int8;
    const lcnn_dictionary planes = {NULL, u->k, u->quads, u->columns, u->block, u->x, u->x_plane, u->s, u->s_plane};
    if (!prove_planes(p, u->quads, u->k, &planes)) return 0;
    const lcnn_wide atoms = lcnn_parts(u->k, LCNN_ATOMS) * LCNN_ATOMS;
    LCNN_NEED(lcnn_has_words(p, u->dictionary, atoms * u->quads), "a whole dictionary");
    LCNN_NEED(lcnn_has_words(p, u->scales, u->k) && lcnn_has_words(p, u->sums, u->k),
              "a scale and a sum for each atom");
    LCNN_NEED(lcnn_in_arena(p, u->range, 2), "a range in the arena");
    LCNN_NEED((lcnn_wide)u->quads * p->able->dictionary_pixels <= p->scratch, "scratch for the pixels");
    return 1;
}

/* Entries 0 to the last of `indptr` read one value of S each, up to `reach` floats behind s + offset; the coefficients
 * are `lanes` to an entry. */
static int prove_entries(lcnn_proof *p, const int32_t *offsets, const float *coefficients, lcnn_wide entries,
                         lcnn_wide lanes, lcnn_wide s, lcnn_wide reach)
{
    LCNN_NEED(lcnn_has_words(p, offsets, entries), "an offset for each lookup");
    LCNN_NEED(lcnn_has_words(p, coefficients, entries * lanes), "a coefficient for each lookup");
    if (entries == 0) return 1;
    const lcnn_span span = lcnn_span_of(offsets, entries);
    LCNN_NEED(s + span.least >= 0, "lookups in the arena");
    LCNN_NEED(lcnn_in_arena(p, s + span.most, reach), "lookups in the arena");
    return 1;
}

static int in_range(const int32_t *numbers, lcnn_wide count, lcnn_wide stop)
{
    const lcnn_span span = lcnn_span_of(numbers, count);
    return span.least >= 0 && span.most < stop;
}

/* What both kernels of one filter at a time have in common. */
static int prove_lookup(lcnn_proof *p, const lcnn_lookup *u, lcnn_wide rows)
{
    LCNN_NEED(lcnn_is_map(p, &p->call->out), "a result in the arena");
    LCNN_NEED(u->filters >= 1 && u->filters_per_unit >= 1 && u->blocks >= 1, "filters, units and blocks of at least 1");
    LCNN_NEED(u->s_row >= p->call->out.width, "rows of S no shorter than the result's");
    LCNN_NEED(lcnn_is_indptr(p, u->indptr, rows), "numbers of lookups that never fall");
    return 1;
}

int lcnn_prove_lookup_tile(lcnn_proof *p)
{
    const lcnn_lookup *u = &p->call->u.lookup;
    const lcnn_map *out = &p->call->out;
    const int64_t width = p->able->width;
    LCNN_NEED(u->alignments >= 1 && u->alignments <= (p->able->alignments ? LCNN_LINE : 1), "alignments of a line");
    const lcnn_wide rows = (lcnn_wide)u->blocks * u->filters * u->alignments;
    if (!prove_lookup(p, u, rows)) return 0;
    const lcnn_wide pixels = (lcnn_wide)(out->height - 1) * u->s_row + out->width;
    LCNN_NEED(u->tile >= 1 && u->tile <= p->able->max_tile, "a tile that there is a kernel for");
    LCNN_NEED(u->vectors == lcnn_parts(pixels, width), "vectors for all pixels");
    const lcnn_wide shares = lcnn_parts(u->filters, u->filters_per_unit);
    LCNN_NEED(p->call->units == shares * lcnn_parts(u->vectors, u->tile), "units for all filters and pixels");
    if (u->alignments > 1) {
        LCNN_NEED(lcnn_has_words(p, u->shifts, u->alignments) && in_range(u->shifts, u->alignments, width),
                  "shifts of less than a vector");
    }
    if (u->order)
        LCNN_NEED(lcnn_has_words(p, u->order, u->filters) && in_range(u->order, u->filters, out->channels),
                  "planes of the result");
    else LCNN_NEED(u->filters <= out->channels, "a plane for each filter");
    LCNN_NEED(lcnn_has_words(p, u->bias, u->filters), "a bias for each filter");
    if (u->mask)
        LCNN_NEED(out->row == u->s_row && lcnn_has_words(p, u->mask, (lcnn_wide)u->vectors * width),
                  "a mask for every pixel of rows as long as those of S");
    if (u->blocks > 1)
        LCNN_NEED(((lcnn_wide)u->filters_per_unit * u->tile + 2) * width <= p->scratch, "scratch for partial sums");
    return prove_entries(p, u->offsets, u->coefficients, u->indptr[rows], 1, u->s, pixels);
}

/* Rows that a vector takes together, from `row` on: the first has the fewest lookups, or the kernel would read the
 * others' from elsewhere. */
static int are_lanes(const int32_t *indptr, int64_t row, int64_t width)
{
    const int32_t common = indptr[row + 1] - indptr[row];
    for (int64_t lane = 1; lane < width; lane++)
        if (indptr[row + lane + 1] - indptr[row + lane] < common) return 0;
    return 1;
}

static int are_all_lanes(const lcnn_lookup *u, int64_t width)
{
    for (int64_t first = 0; first < u->filters; first += u->filters_per_unit) {
        const int64_t filters = lcnn_least(u->filters_per_unit, u->filters - first);
        for (int64_t block = 0; block < u->blocks; block++)
            for (int64_t i = 0; i + width <= filters; i += width)
                if (!are_lanes(u->indptr, u->blocks * first + block * filters + i, width)) return 0;
    }
    return 1;
}

int lcnn_prove_lookup_gather(lcnn_proof *p)
{
    const lcnn_lookup *u = &p->call->u.lookup;
    const lcnn_map *out = &p->call->out;
    const lcnn_wide rows = (lcnn_wide)u->blocks * u->filters;
    if (!prove_lookup(p, u, rows)) return 0;
    LCNN_NEED(u->alignments == 1, "one alignment");
    LCNN_NEED(p->call->units == lcnn_parts(u->filters, u->filters_per_unit), "units for all filters");
    LCNN_NEED(are_all_lanes(u, p->able->width), "filters in the order of their lookups");
    LCNN_NEED(lcnn_has_words(p, u->order, rows) && in_range(u->order, rows, out->channels), "planes of the result");
    LCNN_NEED(lcnn_has_words(p, u->bias, out->channels), "a bias for each plane");
    const lcnn_wide reach = (lcnn_wide)(out->height - 1) * u->s_row + out->width;
    return prove_entries(p, u->offsets, u->coefficients, u->indptr[rows], 1, u->s, reach);
}

int lcnn_prove_lookup_shared(lcnn_proof *p)
{
    const lcnn_lookup_shared *u = &p->call->u.lookup_shared;
    const lcnn_map *out = &p->call->out;
    LCNN_NEED(lcnn_is_map(p, out), "a result in the arena");
    LCNN_NEED(u->groups >= 1 && u->rows_per_unit >= 1, "groups and rows of at least 1");
    LCNN_NEED(u->stride_h >= 1 && u->stride_w >= 1 && u->s_row >= 1, "strides of at least 1");
    LCNN_NEED(p->call->units == u->groups * lcnn_parts(out->height, u->rows_per_unit), "units for all groups and rows");
    LCNN_NEED(lcnn_is_indptr(p, u->indptr, u->groups), "numbers of lookups that never fall");
    const lcnn_wide lanes = (lcnn_wide)u->groups * LCNN_SHARED_LANES;
    LCNN_NEED(lcnn_has_words(p, u->bias, lanes), "a bias for each lane");
    LCNN_NEED(lcnn_has_words(p, u->order, lanes) && lcnn_span_of(u->order, lanes).most < out->channels,
              "planes of the result");
    LCNN_NEED(((lcnn_wide)u->rows_per_unit * out->row + LCNN_LINE) * LCNN_SHARED_LANES <= p->scratch,
              "scratch for the rows of a unit");
    const lcnn_wide reach =
        (lcnn_wide)(out->height - 1) * u->stride_h * u->s_row + (lcnn_wide)(out->width - 1) * u->stride_w + 1;
    return prove_entries(p, u->offsets, u->coefficients, u->indptr[u->groups], LCNN_SHARED_LANES, u->s, reach);
}
