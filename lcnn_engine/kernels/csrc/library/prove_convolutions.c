/* Dense convolutions, direct, depthwise and by windows. */
#include <stddef.h>

#include "library/proof.h"

/* What is read of the input: `planes` planes from the first of a group on, the first and the last float that a tap of
 * the first and the last pixel reads, `span` floats from where a window begins. */
static int prove_source(lcnn_proof *p, lcnn_wide top, lcnn_wide left, lcnn_wide down, lcnn_wide right, lcnn_wide planes,
                        lcnn_span span)
{
    const lcnn_map *in = &p->call->in[0], *out = &p->call->out;
    const lcnn_wide first = in->offset - top * in->row - left;
    const lcnn_wide last = first + planes * in->plane + (out->height - 1) * down * in->row + (out->width - 1) * right;
    LCNN_NEED(first + span.least >= 0 && last + span.most < p->arena, "windows in the arena");
    return 1;
}

/* What all of them have in common whose lanes or broadcasts are filters: blocks of `lanes` filters of a group. */
static int prove_filters(lcnn_proof *p, const lcnn_conv *u, lcnn_wide lanes)
{
    const lcnn_map *in = &p->call->in[0], *out = &p->call->out;
    LCNN_NEED(lcnn_are_maps(p), "maps in the arena");
    LCNN_NEED(u->groups >= 1 && u->group_filters >= 1 && u->group_channels >= 1 && u->taps >= 1,
              "groups, filters, channels and taps of at least 1");
    LCNN_NEED(u->stride_h >= 1 && u->stride_w >= 1 && u->top >= 0 && u->left >= 0, "strides of at least 1");
    LCNN_NEED((lcnn_wide)u->groups * u->group_channels <= in->channels, "channels for all groups");
    LCNN_NEED((lcnn_wide)u->groups * u->group_filters <= out->channels, "planes for all groups");
    LCNN_NEED(u->blocks == lcnn_parts(u->group_filters, lanes), "blocks for all filters");
    const lcnn_wide blocks = (lcnn_wide)u->groups * u->blocks;
    LCNN_NEED(blocks * lanes <= p->constant_bytes, "weights for all filters");
    LCNN_NEED(lcnn_has_words(p, u->weights, blocks * lanes * u->taps * u->group_channels), "weights for all filters");
    LCNN_NEED(lcnn_has_words(p, u->bias, blocks * lanes), "a bias for each filter");
    return 1;
}

static int are_lanes(const lcnn_proof *p, int64_t lanes)
{
    return lanes >= p->able->width && lanes <= p->able->conv_lanes && lanes % p->able->width == 0;
}

/* Passes over the channels: all but the last read `channels_per_pass` of them by the table of offsets. */
static int prove_passes(lcnn_proof *p, const lcnn_conv *u)
{
    const int64_t per_pass = lcnn_least(u->channels_per_pass, u->group_channels);
    const int64_t rest = u->group_channels % per_pass, passes = u->group_channels / per_pass;
    const lcnn_wide before = (lcnn_wide)(u->groups - 1) * u->group_channels;
    LCNN_NEED(lcnn_has_words(p, u->offsets, (lcnn_wide)per_pass * u->taps), "an offset for each tap of a pass");
    const lcnn_span span = lcnn_span_of(u->offsets, (lcnn_wide)per_pass * u->taps);
    const lcnn_wide full = before + (lcnn_wide)(passes - 1) * per_pass;
    if (!prove_source(p, u->top, u->left, u->stride_h, u->stride_w, full, span)) return 0;
    if (rest == 0) return 1;
    const lcnn_span part = lcnn_span_of(u->offsets, (lcnn_wide)rest * u->taps);
    return prove_source(p, u->top, u->left, u->stride_h, u->stride_w, before + (lcnn_wide)passes * per_pass, part);
}

int lcnn_prove_conv(lcnn_proof *p)
{
    const lcnn_conv *u = &p->call->u.conv;
    const lcnn_map *out = &p->call->out;
    LCNN_NEED(are_lanes(p, u->lanes), "lanes that there is a kernel for");
    if (!prove_filters(p, u, u->lanes)) return 0;
    const lcnn_wide pixels = (lcnn_wide)out->height * out->width, blocks = (lcnn_wide)u->groups * u->blocks;
    LCNN_NEED(u->pixels_per_unit >= 1 && u->pixel_chunks == lcnn_parts(pixels, u->pixels_per_unit),
              "chunks for all pixels");
    LCNN_NEED(p->call->units == blocks * u->pixel_chunks, "units for all filters and pixels");
    const lcnn_wide most = pixels < u->pixels_per_unit ? pixels : u->pixels_per_unit;
    LCNN_NEED((most + LCNN_LINE) * u->lanes <= p->scratch, "scratch for the sums of a unit");
    LCNN_NEED(u->channels_per_pass >= 1, "a channel a pass at least");
    return prove_passes(p, u);
}

int lcnn_prove_conv_int8(lcnn_proof *p)
{
    const lcnn_conv *u = &p->call->u.conv;
    if (!lcnn_prove_conv(p)) return 0;
    const lcnn_wide filters = (lcnn_wide)u->groups * u->blocks * u->lanes;
    LCNN_NEED(lcnn_has_words(p, u->scales, filters) && lcnn_has_words(p, u->sums, filters),
              "a scale and a sum for each filter");
    LCNN_NEED(lcnn_in_arena(p, u->range, 2), "a range in the arena");
    return 1;
}

int lcnn_prove_conv_patches(lcnn_proof *p)
{
    const lcnn_conv *u = &p->call->u.conv;
    const lcnn_map *out = &p->call->out;
    if (!prove_filters(p, u, p->able->patch_filters)) return 0;
    const lcnn_wide taps = (lcnn_wide)u->group_channels * u->taps, pixels = (lcnn_wide)out->height * out->width;
    LCNN_NEED(u->pixel_chunks == lcnn_parts(pixels, p->able->patch_pixels), "chunks for all pixels");
    LCNN_NEED(p->call->units == (lcnn_wide)u->groups * u->pixel_chunks, "units for all groups and pixels");
    LCNN_NEED(taps * p->able->patch_pixels <= p->scratch, "scratch for the windows");
    LCNN_NEED(lcnn_has_words(p, u->offsets, taps), "an offset for each tap");
    const lcnn_wide planes = (lcnn_wide)(u->groups - 1) * u->group_channels;
    return prove_source(p, u->top, u->left, u->stride_h, u->stride_w, planes, lcnn_span_of(u->offsets, taps));
}

int lcnn_prove_conv_depthwise(lcnn_proof *p)
{
    const lcnn_depthwise *u = &p->call->u.depthwise;
    const lcnn_map *in = &p->call->in[0], *out = &p->call->out;
    LCNN_NEED(lcnn_are_maps(p), "maps in the arena");
    LCNN_NEED(u->kernel_h >= 1 && u->kernel_w >= 1 && u->dilation_h >= 1 && u->dilation_w >= 1,
              "a kernel of at least 1");
    LCNN_NEED(u->stride_h >= 1 && u->stride_w >= 1 && u->top >= 0 && u->left >= 0, "strides of at least 1");
    LCNN_NEED(p->call->units == out->channels, "a unit for each filter");
    LCNN_NEED(u->filters_of_channel >= 1 && (out->channels - 1) / u->filters_of_channel < in->channels,
              "a channel for each filter");
    LCNN_NEED(lcnn_has_words(p, u->weights, (lcnn_wide)out->channels * u->kernel_h * u->kernel_w),
              "weights for all filters");
    LCNN_NEED(lcnn_has_words(p, u->bias, out->channels), "a bias for each filter");
    const lcnn_wide planes = (out->channels - 1) / u->filters_of_channel;
    const lcnn_span span = {0, (lcnn_wide)(u->kernel_h - 1) * u->dilation_h * in->row +
                                   (lcnn_wide)(u->kernel_w - 1) * u->dilation_w};
    return prove_source(p, u->top, u->left, u->stride_h, u->stride_w, planes, span);
}

#define WINDOW_VALUES 16
#define WINDOW_RESULTS 4

int lcnn_prove_winograd_input(lcnn_proof *p)
{
    const lcnn_winograd_input *u = &p->call->u.winograd_input;
    const lcnn_map *in = &p->call->in[0], *out = &p->call->out;
    LCNN_NEED(lcnn_are_maps(p) && in->channels == out->channels && out->row == out->width, "maps in the arena");
    LCNN_NEED(u->rows >= 1 && u->top >= 0 && u->left >= 0, "a row at least");
    LCNN_NEED(p->call->units == in->channels, "a unit for each channel");
    const lcnn_wide values = (lcnn_wide)out->channels * WINDOW_VALUES, windows = (lcnn_wide)out->height * out->width;
    LCNN_NEED(out->plane >= windows, "planes of windows side by side");
    const lcnn_wide lines = (lcnn_wide)(WINDOW_VALUES - 1) * LCNN_LINE; /* one between a value and the next */
    LCNN_NEED(lcnn_in_arena(p, out->offset, (values - 1) * out->plane + lines + windows), "windows in the arena");
    const lcnn_wide first = in->offset - (lcnn_wide)u->top * in->row - u->left;
    const lcnn_wide reach =
        (lcnn_wide)(in->channels - 1) * in->plane + (lcnn_wide)(u->rows - 1) * in->row + 2 * (lcnn_wide)out->width + 2;
    LCNN_NEED(lcnn_in_arena(p, first, reach), "rows of the input in the arena");
    return 1;
}

int lcnn_prove_conv_winograd(lcnn_proof *p)
{
    const lcnn_conv *u = &p->call->u.conv;
    const lcnn_map *in = &p->call->in[0], *out = &p->call->out;
    LCNN_NEED(lcnn_are_maps(p), "maps in the arena");
    LCNN_NEED(are_lanes(p, u->lanes), "lanes that there is a kernel for");
    LCNN_NEED(in->height == lcnn_parts(out->height, 2) && in->width == lcnn_parts(out->width, 2),
              "windows for all results");
    LCNN_NEED(u->blocks == lcnn_parts(out->channels, u->lanes), "blocks for all filters");
    LCNN_NEED(u->pixels_per_unit >= 1 && u->pixel_chunks == lcnn_parts(in->height, u->pixels_per_unit),
              "chunks for all windows");
    LCNN_NEED(p->call->units == (lcnn_wide)u->blocks * u->pixel_chunks, "units for all filters and windows");
    LCNN_NEED(lcnn_has_words(p, u->weights, (lcnn_wide)u->blocks * u->lanes * WINDOW_VALUES * in->channels),
              "weights for all filters");
    LCNN_NEED(lcnn_has_words(p, u->bias, (lcnn_wide)u->blocks * u->lanes), "a bias for each filter");
    const lcnn_wide windows = (lcnn_wide)lcnn_least(u->pixels_per_unit, in->height) * in->width;
    LCNN_NEED(((WINDOW_VALUES + WINDOW_RESULTS) * windows + LCNN_LINE) * u->lanes <= p->scratch,
              "scratch for the sums of a unit");
    LCNN_NEED(lcnn_has_words(p, u->offsets, in->channels), "an offset for each channel");
    const lcnn_span span = lcnn_span_of(u->offsets, in->channels);
    const lcnn_wide distance = (lcnn_wide)in->channels * in->plane + LCNN_LINE; /* from one value to the next */
    const lcnn_wide last = in->offset + (WINDOW_VALUES - 1) * distance + (lcnn_wide)in->height * in->width - 1;
    LCNN_NEED(in->offset + span.least >= 0 && last + span.most < p->arena, "windows in the arena");
    return 1;
}
