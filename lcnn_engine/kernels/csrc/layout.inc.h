/* Moving activations between memory orders: the caller's (H, W, C), planes, and planes split by stride. */

/* Finite numbers only: x - x is 0 for them and not for infinities and NaN. */
INLINE int any_not_finite(const float *x, int64_t length)
{
    int64_t i = 0;
    vf bad = vset(0.0f);
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) {
        const vf v = vload(x + i);
        bad += v - v;
    }
    float sum = 0;
    for (int lane = 0; lane < LCNN_WIDTH; lane++) sum += bad[lane];
    for (; i < length; i++) sum += x[i] - x[i];
    return !(sum == 0);
}

INLINE void strided_run(float *out, const float *in, int64_t length, const int64_t stride)
{
    for (int64_t i = 0; i < length; i++) out[i] = in[i * stride];
}

/* Every second, or every fourth float, by shuffles. The last vector goes one by one: its loads would end behind the last
 * float that is wanted, which may be the last of the caller's array. */
INLINE void even_run(float *out, const float *in, int64_t length, const int64_t stride)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH < length; i += LCNN_WIDTH) {
        const float *p = in + i * stride;
        vf v = even_lanes(vload(p), vload(p + LCNN_WIDTH));
        if (stride == 4) v = even_lanes(v, even_lanes(vload(p + 2 * LCNN_WIDTH), vload(p + 3 * LCNN_WIDTH)));
        vstore(out + i, v);
    }
    strided_run(out + i, in + i * stride, length - i, stride);
}

/* out[i] = in[i * stride]. The strides of colour pictures and of phases 2 and 4 get loops of their own. */
static void gather_run(float *out, const float *in, int64_t length, int64_t stride)
{
    switch (stride) {
    case 1: copy_run(out, in, length); break;
    case 2: even_run(out, in, length, 2); break;
    case 3: strided_run(out, in, length, 3); break;
    case 4: even_run(out, in, length, 4); break;
    case 6: strided_run(out, in, length, 6); break;
    case 12: strided_run(out, in, length, 12); break;
    default: strided_run(out, in, length, stride);
    }
}

/* One row of one phase of one channel: zeros, the columns that lie in the picture, zeros. */
INLINE void arrange_row(const lcnn_arrange *u, const float *source, int64_t y, int64_t phase_x, float *out)
{
    if (y < 0 || y >= u->height) {
        zero_run(out, u->columns);
        return;
    }
    const int64_t shift = u->left - phase_x; /* column b reads x = b * stride - shift */
    const int64_t first = smaller(shift > 0 ? (shift + u->stride_w - 1) / u->stride_w : 0, u->columns);
    const int64_t reach = u->width + shift; /* columns with b * stride < reach */
    const int64_t stop = larger(first, smaller(reach > 0 ? (reach + u->stride_w - 1) / u->stride_w : 0, u->columns));
    zero_run(out, first);
    if (stop > first) {
        const float *in = source + y * u->row_stride + (first * u->stride_w - shift) * u->x_stride;
        gather_run(out + first, in, stop - first, u->stride_w * u->x_stride);
    }
    zero_run(out + stop, u->columns - stop);
}

/* Every number of the caller's picture is looked at once: unit `row` reads its share of the picture's rows. */
static void check_input(const lcnn_step *step, const lcnn_context *context, int64_t unit)
{
    const lcnn_arrange *u = &step->u.arrange;
    const int64_t begin = u->height * unit / step->units, end = u->height * (unit + 1) / step->units;
    if (any_not_finite(context->input + begin * u->row_stride, (end - begin) * u->row_stride))
        __atomic_store_n(context->rejected, 1, __ATOMIC_RELAXED);
}

static void arrange(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_arrange *u = &step->u.arrange;
    const float *source = u->source < 0 ? context->input : context->arena + u->source;
    for (int64_t a = begin; a < end; a++) {
        if (u->source < 0) check_input(step, context, a);
        for (int64_t p = 0; p < u->phases; p++)
            for (int64_t c = 0; c < u->channels; c++)
                arrange_row(u, source + c * u->channel_stride, a * u->stride_h + u->phase_y[p] - u->top, u->phase_x[p],
                            context->arena + u->target + c * u->plane + (p * u->rows + a) * u->columns);
    }
}

/* Pixels [begin, begin + count) of all planes, at `source`, to channels-last order: blocks of LCNN_WIDTH pixels and as
 * many channels are transposed in registers. */
static void emit_run(const float *source, int64_t plane, int64_t channels, int64_t count, float *out)
{
    for (int64_t c = 0; c < channels; c += LCNN_WIDTH) {
        const int64_t lanes = smaller(LCNN_WIDTH, channels - c);
        for (int64_t x = 0; x < count; x += LCNN_WIDTH) {
            const int64_t pixels = smaller(LCNN_WIDTH, count - x);
            vf rows[LCNN_WIDTH];
            for (int64_t i = 0; i < LCNN_WIDTH; i++)
                rows[i] = i < lanes ? vload_part(source + (c + i) * plane + x, pixels) : vset(0.0f);
            transpose(rows);
            for (int64_t i = 0; i < pixels; i++) vstore_part(out + (x + i) * channels + c, rows[i], lanes);
        }
    }
}

static void emit(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_map *in = &step->in[0];
    const int64_t channels = in->channels, size = in->height * in->width * channels;
    const float *source = context->arena + in->offset + begin * in->row;
    float *target = step->u.emit.output < 0 ? context->arena + step->u.emit.target
                                            : context->outputs[step->u.emit.output] + context->picture * size;
    target += begin * in->width * channels;
    if (in->plane == 1) copy_run(target, source, channels);
    else if (in->row == in->width) emit_run(source, in->plane, channels, (end - begin) * in->width, target);
    else
        for (int64_t y = 0; y < end - begin; y++)
            emit_run(source + y * in->row, in->plane, channels, in->width, target + y * in->width * channels);
}
