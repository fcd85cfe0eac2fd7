/* What moves values: between memory orders, by tables, and into pictures of another size. */
#include <stddef.h>

#include "library/proof.h"

int lcnn_prove_space_to_depth(lcnn_proof *p)
{
    const lcnn_space_to_depth *u = &p->call->u.space_to_depth;
    LCNN_NEED(u->channels >= 1 && u->height >= 1 && u->width >= 1, "an image of at least 1");
    LCNN_NEED(u->channel_stride >= 1 && u->row_stride >= 1 && u->x_stride >= 1, "strides of at least 1");
    LCNN_NEED(u->stride_h >= 1 && u->stride_w >= 1 && u->top >= 0 && u->left >= 0, "strides of at least 1");
    LCNN_NEED(u->phases >= 1 && u->rows >= 1 && u->columns >= 1 && u->plane >= 1, "phases of at least 1");
    LCNN_NEED(p->call->units == u->rows, "a unit for each row");
    const lcnn_wide reach = (lcnn_wide)(u->height - 1) * u->row_stride + (lcnn_wide)(u->width - 1) * u->x_stride +
                            (lcnn_wide)(u->channels - 1) * u->channel_stride + 1;
    if (u->source < 0) {
        LCNN_NEED(u->source == -1 && reach <= p->input && (lcnn_wide)u->height * u->row_stride <= p->input,
                  "rows of the input");
    } else LCNN_NEED(lcnn_in_arena(p, u->source, reach), "rows in the arena");
    const lcnn_wide values = (lcnn_wide)u->phases * u->rows * u->columns;
    LCNN_NEED(u->channels == 1 || u->plane >= values, "planes of the result side by side");
    LCNN_NEED(lcnn_in_arena(p, u->target, (lcnn_wide)(u->channels - 1) * u->plane + values), "the result in the arena");
    LCNN_NEED(lcnn_has_words(p, u->phase_y, u->phases) && lcnn_has_words(p, u->phase_x, u->phases),
              "a place for each phase");
    const lcnn_span y = lcnn_span_of(u->phase_y, u->phases), x = lcnn_span_of(u->phase_x, u->phases);
    LCNN_NEED(y.least >= 0 && y.most < u->stride_h && x.least >= 0 && x.most < u->stride_w, "phases of the stride");
    return 1;
}

int lcnn_prove_to_nhwc(lcnn_proof *p)
{
    const lcnn_map *in = &p->call->in[0];
    const lcnn_to_nhwc *u = &p->call->u.to_nhwc;
    LCNN_NEED(lcnn_is_map(p, in), "a map in the arena");
    LCNN_NEED(p->call->units == in->height && (in->plane > 1 || in->height == 1), "a unit for each row");
    const lcnn_wide size = (lcnn_wide)in->height * in->width * in->channels;
    if (u->output < 0) LCNN_NEED(u->output == -1 && lcnn_in_arena(p, u->target, size), "the result in the arena");
    else LCNN_NEED(u->output == 0 && size == p->output, "the network's result");
    return 1;
}

int lcnn_prove_constant(lcnn_proof *p)
{
    const lcnn_map *out = &p->call->out;
    LCNN_NEED(lcnn_is_map(p, out), "a map in the arena");
    LCNN_NEED(p->call->units == (out->plane == 1 ? 1 : out->channels), "units for all channels");
    LCNN_NEED(lcnn_has_words(p, p->call->u.constant.values, (lcnn_wide)out->channels * out->height * out->width),
              "all values");
    return 1;
}

static int prove_tables(lcnn_proof *p, const lcnn_gather *u, lcnn_span columns)
{
    const lcnn_map *in = &p->call->in[0], *out = &p->call->out;
    const lcnn_span channels = lcnn_span_of(u->channels, out->channels), rows = lcnn_span_of(u->rows, out->height);
    const int is_vector = out->plane == 1;
    LCNN_NEED(channels.least >= (is_vector ? -1 : 0) && rows.least >= -1 && columns.least >= -1, "places of the input");
    LCNN_NEED(!is_vector || (rows.least >= 0 && columns.least >= 0), "a pixel of the input");
    LCNN_NEED(lcnn_in_arena(p, in->offset, channels.most + rows.most + columns.most + 1), "places in the arena");
    return 1;
}

int lcnn_prove_gather(lcnn_proof *p)
{
    const lcnn_gather *u = &p->call->u.gather;
    const lcnn_map *out = &p->call->out;
    LCNN_NEED(lcnn_are_maps(p), "maps in the arena");
    LCNN_NEED(p->call->units == (out->plane == 1 ? 1 : out->channels), "units for all channels");
    LCNN_NEED(lcnn_has_words(p, u->channels, out->channels) && lcnn_has_words(p, u->rows, out->height) &&
                  lcnn_has_words(p, u->columns, out->width),
              "a place for each channel, row and column");
    LCNN_NEED(u->first >= 0 && u->run >= 0 && u->stride >= 1 && (lcnn_wide)u->first + u->run <= out->width,
              "a run of the columns");
    lcnn_span columns = lcnn_span_of(u->columns, out->width);
    if (u->run > 0) {
        LCNN_NEED(u->columns[u->first] >= 0, "a run of the input");
        const lcnn_wide last = u->columns[u->first] + (lcnn_wide)(u->run - 1) * u->stride;
        if (last > columns.most) columns.most = last;
    }
    return prove_tables(p, u, columns);
}

int lcnn_prove_interpolate(lcnn_proof *p)
{
    const lcnn_interpolate *u = &p->call->u.interpolate;
    const lcnn_map *in = &p->call->in[0], *out = &p->call->out;
    LCNN_NEED(lcnn_are_maps(p) && in->channels >= out->channels, "maps in the arena");
    LCNN_NEED(p->call->units == out->channels, "a unit for each channel");
    LCNN_NEED(u->taps >= 1 && u->lanes == lcnn_parts(out->width, LCNN_LINE) * LCNN_LINE, "taps of at least 1");
    const lcnn_wide down = (lcnn_wide)out->height * u->taps, across = (lcnn_wide)u->taps * u->lanes;
    LCNN_NEED(lcnn_has_words(p, u->rows, down) && lcnn_has_words(p, u->row_weights, down), "taps for each row");
    LCNN_NEED(lcnn_has_words(p, u->columns, across) && lcnn_has_words(p, u->column_weights, across),
              "taps for each column");
    const lcnn_span rows = lcnn_span_of(u->rows, down), columns = lcnn_span_of(u->columns, across);
    LCNN_NEED(in->width <= p->scratch, "scratch for a row");
    LCNN_NEED(columns.least >= 0 && columns.most < in->width, "columns of the input");
    const lcnn_wide last = in->offset + (lcnn_wide)(out->channels - 1) * in->plane + rows.most;
    LCNN_NEED(rows.least >= 0 && lcnn_in_arena(p, last, in->width), "rows of the input");
    return 1;
}
